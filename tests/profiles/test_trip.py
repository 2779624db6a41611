"""Commands that Redis works on while more are made, on a real Redis."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from profiles.connection import connect, connected
from profiles.errors import StoreUnavailable
from profiles.scripts import Scripts
from profiles.trip import Trip
from tests.servers import RedisServer


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url) as redis:
        yield redis


async def test_answers_come_in_order_however_it_was_sent(redis: Redis) -> None:
    trip = Trip(redis)
    await trip.send([("SET", "a", 1), ("INCR", "a")])
    await trip.send([("GET", "a")])
    assert await trip.answers() == [b"OK", 2, b"2"]


async def test_what_redis_refuses_is_an_answer_like_others(redis: Redis) -> None:
    trip = Trip(redis)
    await trip.send([("SET", "a", "x"), ("INCR", "a"), ("GET", "a")])
    ok, refused, value = await trip.answers()
    assert (ok, value) == (b"OK", b"x")
    assert isinstance(refused, ResponseError)


async def test_redis_begins_with_what_was_flushed(redis: Redis) -> None:
    batch = Scripts(redis).batch()
    batch.add("SET", "a", "1")
    await batch.flush()
    while await redis.get("a") != b"1":
        pass
    batch.add("GET", "a")
    assert await batch.run() == [b"OK", b"1"]


async def test_answers_nobody_waits_for_are_not_taken_for_others(redis_url: str) -> None:
    redis = connect(redis_url, connections_max=1)
    try:
        for _ in range(3):
            batch = Scripts(redis).batch()
            batch.add("GET", "a")
            await batch.flush()
            await batch.drop()
            assert await redis.set("b", "1") is True
    finally:
        await redis.aclose()


async def test_a_batch_that_no_script_of_ran_is_sent_again_whole(redis: Redis) -> None:
    scripts = Scripts(redis)
    await scripts.load()
    await redis.script_flush()
    batch = scripts.batch()
    for number in range(3):
        batch.call("append", ["{s0}out"], ["interactions", number, "customer:a", "{}"])
        await batch.flush()
    assert await batch.run() == [1, 1, 1]
    assert await redis.xlen("{s0}out") == 3


async def test_a_redis_that_dies_meanwhile_is_unavailable_and_may_come_back() -> None:
    with RedisServer() as server:
        async with connected(server.url, retries=0) as redis:
            batch = Scripts(redis).batch()
            batch.add("BLPOP", "nothing", "0")
            await batch.flush()
            server.kill()
            with pytest.raises(StoreUnavailable):
                await batch.run()
            server.start()
            batch = Scripts(redis).batch()
            batch.add("GET", "a")
            await batch.flush()
            assert await batch.run() == [None]


async def test_an_answer_that_takes_too_long_is_unavailable(redis: Redis) -> None:
    trip = Trip(redis)
    await trip.send([("BLPOP", "nothing", "0")])
    with pytest.raises(StoreUnavailable, match=r"no answer within 0\.05 s"):
        await trip.answers(within_s=0.05)
    assert await redis.get("a") is None
