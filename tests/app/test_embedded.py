"""The embedded Redis keeps what it was given, is alone on its folder, and comes back when it is killed."""

import asyncio
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app import embedded
from app.embedded import EmbeddedRedis, socket_path, url_file
from app.errors import FolderInUse, StartError
from profiles.connection import connected, wait_until_ready


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    give_up = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up, "did not happen in time"
        await asyncio.sleep(0.01)


async def put(url: str, name: str, value: str) -> None:
    async with connected(url) as redis:
        await redis.set(name, value)


async def get(url: str, name: str) -> object:
    async with connected(url) as redis:
        await wait_until_ready(redis, within_s=10)
        return await redis.get(name)


def test_it_keeps_what_it_was_given_over_a_restart_and_tells_where_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        redis = EmbeddedRedis(tmp_path / "var", "everysec")
        await redis.start()
        assert url_file(tmp_path / "var").read_text().strip() == redis.url
        await put(redis.url, "kept", "1")
        await redis.stop()
        assert not url_file(tmp_path / "var").exists()
        await redis.start()
        assert await get(redis.url, "kept") == b"1"
        await redis.stop()

    asyncio.run(story())


def test_it_is_private_and_set_as_promised(tmp_path: Path) -> None:
    async def story() -> None:
        redis = EmbeddedRedis(tmp_path / "var", "always")
        await redis.start()
        for path in (redis.var, redis.folder, redis.socket):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        async with connected(redis.url) as client:
            config = await client.config_get("*")
        expected = {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "rdbcompression": "no",
            "maxmemory-policy": "noeviction",
        }
        assert {name: config[name] for name in expected} == expected
        assert config.get("hash-max-listpack-value", config["hash-max-ziplist-value"]) == "4096"
        await redis.stop()

    asyncio.run(story())


def test_a_redis_that_is_killed_comes_back_with_its_data(tmp_path: Path) -> None:
    async def story() -> None:
        redis = EmbeddedRedis(tmp_path / "var", "always")
        await redis.start()
        await put(redis.url, "kept", "1")
        killed = redis.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: redis.pid != killed)
        assert await get(redis.url, "kept") == b"1"
        await redis.stop()

    asyncio.run(story())


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOCK_WITHIN_S", 0.1)

    async def story() -> None:
        first = EmbeddedRedis(tmp_path, "everysec")
        await first.start()
        with pytest.raises(FolderInUse, match="another Opportune runs on"):
            await EmbeddedRedis(tmp_path, "everysec").start()
        assert await get(first.url, "anything") is None, "the first one goes on undisturbed"
        await first.stop()

    asyncio.run(story())


def test_a_redis_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").mkdir()  # Redis 6 cannot open it
    (tmp_path / "redis" / "appendonlydir").write_text("")  # nor Redis 7 this

    async def story() -> None:
        redis = EmbeddedRedis(tmp_path, "everysec")
        with pytest.raises(StartError, match="redis ended before it was ready") as caught:
            await redis.start()
        assert "redis.log" in caught.value.hint
        assert redis.pid is None

    asyncio.run(story())


def test_a_long_folder_name_gets_a_short_socket_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("deep" * 30)
    assert socket_path(long) == socket_path(long)
    assert len(os.fsencode(socket_path(long))) < 100

    async def story() -> None:
        redis = EmbeddedRedis(long, "everysec")
        await redis.start()
        assert await get(redis.url, "anything") is None
        await redis.stop()
        redis.socket.parent.rmdir()

    asyncio.run(story())
