"""A worker stops when it is told to, whatever Redis does."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from app import publishing
from app.bootstrap import STOP_WITHIN_S, following
from app.publishing import PolicyStore
from consumers.shares import WORKERS
from profiles.connection import connected
from profiles.registry import Registry
from profiles.store import CustomerStore
from tests.builders import purchase
from tests.e2e.service import ROOT, eventually
from tests.servers import RedisServer
from tests.sim.real import said

pytestmark = pytest.mark.anyio

MARGIN_S = 1.0
ROUNDS = int(os.environ.get("STOP_ROUNDS") or 3)
"""How often a worker is stopped under load; more, when you look for something."""
TRIES = 1000


@contextmanager
def worker(redis: RedisServer) -> Iterator[subprocess.Popen[str]]:
    """One that owns shards. What it has to say is in `stderr`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    environ = {**inherited, "OPPORTUNE_REDIS": redis.url, "OPPORTUNE_METRICS_PORT": "0"}
    command = [sys.executable, "-m", "app", "worker"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stderr=subprocess.PIPE) as process:
        try:
            with Redis(unix_socket_path=str(redis.socket)) as client:
                eventually("the worker is at work", lambda: client.zcard(WORKERS))
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def stopped(process: subprocess.Popen[str]) -> float:
    """How long it took, in seconds. It must end by itself and well."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=STOP_WITHIN_S + 10)[1]
    assert process.returncode == 0, said
    return time.monotonic() - began


@pytest.fixture
def redis(shop_policy: Path) -> Iterator[RedisServer]:
    with RedisServer() as server:
        environ = {**os.environ, "OPPORTUNE_REDIS": server.url}
        subprocess.run([sys.executable, "-m", "app", "publish", str(shop_policy)], cwd=ROOT, env=environ, check=True)
        yield server


@pytest.fixture
def shop_policy(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(
        "policy: {name: shop}\ninteractions: {purchase: {fields: {amount: double!}}}\n"
    )
    return tmp_path


def goes_on(server: RedisServer) -> None: ...


def freezes(server: RedisServer) -> None:
    os.kill(server.pid, signal.SIGSTOP)


def is_gone(server: RedisServer) -> None:
    server.kill()


@pytest.mark.parametrize("redis_does", [goes_on, freezes, is_gone])
async def test_a_worker_under_load_stops_in_time(redis: RedisServer, redis_does: Callable[[RedisServer], None]) -> None:
    async with connected(redis.url) as client:
        store = await CustomerStore.open(client, 128)
        for number in range(ROUNDS if redis_does is goes_on else 1):
            with worker(redis) as process:
                for start in range(0, 20_000, 500):
                    events = (
                        purchase(1.0, subject=f"customer:{n % 997}", id=f"{number}-{n}")
                        for n in range(start, start + 500)
                    )
                    await store.append(map(said, events))
                redis_does(redis)
                assert stopped(process) < STOP_WITHIN_S + MARGIN_S


def test_a_second_signal_ends_it_at_once(redis: RedisServer) -> None:
    with worker(redis) as process:
        freezes(redis)

        def ended() -> bool:
            process.send_signal(signal.SIGTERM)
            return process.poll() is not None

        eventually("it has ended", ended, within_s=2.0)
        assert process.returncode == -signal.SIGTERM


async def test_whoever_follows_the_policy_always_ends(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled follower went on for ever where the cancellation met a command that had just been sent."""
    monkeypatch.setattr(publishing, "LOOK_EVERY_S", 0.0001)
    async with connected(redis_url) as redis:
        for number in range(TRIES):
            async with asyncio.timeout(5):
                async with following(PolicyStore(Registry(redis))):
                    for _ in range(number % 23):
                        await asyncio.sleep(0)
