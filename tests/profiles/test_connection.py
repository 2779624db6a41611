"""Connecting to a real Redis: it waits for one that is late, and says so when none comes."""

import asyncio
import time

import pytest

from profiles.connection import connected, wait_until_ready
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore
from tests.servers import RedisServer


def test_values_come_back_as_bytes(redis_url: str) -> None:
    async def story() -> object:
        async with connected(redis_url) as redis:
            await redis.set("name", "Ada")
            return await redis.get("name")

    assert asyncio.run(story()) == b"Ada"


def test_an_unknown_scheme_is_refused() -> None:
    async def story() -> None:
        async with connected("http://127.0.0.1:6379"):
            pass

    with pytest.raises(ValueError, match="redis://, rediss://, unix://"):
        asyncio.run(story())


def test_waiting_for_a_redis_that_never_comes_ends_in_time() -> None:
    async def story() -> None:
        async with connected("unix:///tmp/opp-nobody-listens.sock") as redis:
            await wait_until_ready(redis, within_s=0.2)

    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
        asyncio.run(story())
    assert time.monotonic() - began < 3


def test_a_redis_that_crashed_and_came_back_is_found_again_with_its_data() -> None:
    async def story(server: RedisServer) -> object:
        async with connected(server.url) as redis:
            await redis.set("kept", "1")
            server.kill()
            server.start()
            await wait_until_ready(redis, within_s=5)
            return await redis.get("kept")

    with RedisServer(persistent=True) as server:
        assert asyncio.run(story(server)) == b"1"


def test_a_store_whose_redis_goes_away_while_it_opens_says_so() -> None:
    async def story(server: RedisServer) -> None:
        async with connected(server.url) as redis:
            await wait_until_ready(redis, within_s=5)
            server.kill()
            await CustomerStore.open(redis, 1)

    with RedisServer() as server, pytest.raises(StoreUnavailable):
        asyncio.run(story(server))


def test_whoever_is_cancelled_while_he_writes_is_cancelled(redis_url: str) -> None:
    """`asyncio.wait_for` of Python 3.11 forgets about half of these: a loop would go on for ever."""

    async def story() -> None:
        async with connected(redis_url) as redis:
            await redis.ping()

            async def loop() -> None:
                while True:
                    await redis.set("name", "Ada")

            for number in range(100):
                task = asyncio.create_task(loop())
                await asyncio.sleep(0.0001 * (number % 10))
                task.cancel()
                await asyncio.wait({task}, timeout=5)
                assert task.cancelled(), f"the {number}th goes on"

    asyncio.run(story())
