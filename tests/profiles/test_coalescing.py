"""Round trips that requests share, on a real Redis: together on the way, apart in everything else."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import InvalidResponse, ResponseError

from profiles import keys
from profiles.coalescing import LONGEST_WAIT_S, MOST_TRIPS, Lane
from profiles.connection import ANSWER_TIMEOUT_S, RETRIES, connected
from profiles.errors import OutOfRoom, StoreUnavailable
from profiles.profile import Profile
from profiles.ride import Ride
from profiles.store import Commit, Committed, CustomerStore, Record
from profiles.wire import Wire
from tests.servers import RedisServer

PEOPLE = [f"customer:{number}" for number in range(40)]


class CountingLane(Lane):
    trips = 0

    def _send(self, ride: Ride, wire: Wire) -> None:
        self.trips += 1
        super()._send(ride, wire)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url) as redis:
        yield redis


@pytest.fixture
async def store(redis: Redis) -> CustomerStore:
    return await CustomerStore.open(redis, 4)


def first(subject: str, **more: Any) -> Commit:
    return Commit(subject, "0", profile=Profile(attributes={"name": subject}), **more)


async def test_who_comes_together_goes_together_and_gets_their_own(redis: Redis) -> None:
    await asyncio.gather(*(redis.set(f"k{number}", number) for number in range(40)))
    lane = CountingLane(redis)
    answers = await asyncio.gather(*(lane.run([("GET", f"k{n}"), ("STRLEN", f"k{n}")]) for n in range(40)))
    assert answers == [[str(n).encode(), len(str(n))] for n in range(40)]
    assert lane.trips == 1


async def test_who_comes_meanwhile_gathers_for_the_next_trip(redis: Redis) -> None:
    lane = CountingLane(redis)

    async def later(turns: int) -> list[Any]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await lane.run([("INCR", "n")])

    slow = asyncio.create_task(lane.run([("DEBUG", "SLEEP", LONGEST_WAIT_S / 2)]))
    answers = await asyncio.gather(*(later(turns) for turns in range(30)))
    assert sorted(answer for (answer,) in answers) == list(range(1, 31))
    await slow
    assert lane.trips <= 3, "the slow one, those who came meanwhile, and at most those whom a busy machine made late"


async def test_one_alone_does_not_wait(redis: Redis) -> None:
    lane = Lane(redis)
    await lane.run([("PING",)])
    began = time.monotonic()
    for _ in range(5):
        await lane.run([("PING",)])
    assert time.monotonic() - began < 5 * LONGEST_WAIT_S


async def test_an_error_is_that_of_one(store: CustomerStore, redis: Redis) -> None:
    await redis.set(keys.customer(store.shard("customer:bad"), "customer:bad"), "no hash")
    results: list[Any] = await asyncio.gather(
        *(store.commit(first(each)) for each in ("customer:a", "customer:bad", "customer:b")), return_exceptions=True
    )
    assert [results[0], results[2]] == [Committed.OK, Committed.OK]
    assert isinstance(results[1], StoreUnavailable)
    found = await asyncio.gather(*(store.read(each) for each in ("customer:a", "customer:b")))
    assert [each.profile.attributes["name"] for each in found] == ["customer:a", "customer:b"]
    assert isinstance(
        (await Lane(redis).run([("HGET", keys.customer(store.shard("customer:bad"), "customer:bad"), "a")]))[0],
        ResponseError,
    )


async def test_what_cannot_be_packed_harms_nobody_else(redis: Redis) -> None:
    lane = Lane(redis)
    results: list[Any] = await asyncio.gather(
        lane.run([("SET", "a", "1")]),
        lane.run([("SET", "b", object())]),
        lane.run([("GET", "a")]),
        return_exceptions=True,
    )
    assert [results[0], results[2]] == [[b"OK"], [b"1"]]
    assert isinstance(results[1], Exception)


async def test_who_is_cancelled_leaves_the_others_alone(redis: Redis) -> None:
    lane = Lane(redis)
    early = asyncio.ensure_future(lane.run([("INCR", "early")]))
    others = [asyncio.ensure_future(lane.run([("INCR", "n")])) for _ in range(5)]
    await asyncio.sleep(0)  # all have got on; nothing is sent yet
    early.cancel()
    answers = await asyncio.gather(early, *others, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [[1], [2], [3], [4], [5]]
    assert await redis.get("early") is None

    late = asyncio.ensure_future(lane.run([("BLPOP", "nothing", "0.2")]))
    with_it = asyncio.ensure_future(lane.run([("INCR", "n")]))
    await asyncio.sleep(0.05)
    late.cancel()
    assert await with_it == [6]
    assert await lane.run([("INCR", "n")]) == [7]


async def test_a_slow_command_holds_nobody_up_for_long(redis: Redis) -> None:
    lane = Lane(redis)
    slow = asyncio.ensure_future(lane.run([("BLPOP", "nothing", "1.5")]))
    await asyncio.sleep(0.02)
    began = time.monotonic()
    assert await lane.run([("PING",)]) == [b"PONG"]
    assert time.monotonic() - began < 1
    assert await slow == [None]


async def test_scripts_that_redis_has_forgotten_are_told_and_run_once(store: CustomerStore, redis: Redis) -> None:
    await redis.script_flush()
    said = [Record("interactions", each, each, b"{}") for each in PEOPLE]
    results = await asyncio.gather(*(store.commit(first(r.subject, records=[r])) for r in said))
    assert set(results) == {Committed.OK}
    assert sum([await redis.xlen(keys.outbox(shard)) for shard in range(4)]) == len(PEOPLE)


async def test_each_is_told_that_redis_is_away_and_it_may_come_back() -> None:
    with RedisServer(persistent=True) as server:
        async with connected(server.url, retries=0) as redis:
            store = await CustomerStore.open(redis, 4)
            assert await store.commit(first("customer:a")) is Committed.OK
            server.kill()
            work = [*(store.read(each) for each in PEOPLE), *(store.commit(first(each)) for each in PEOPLE)]
            results = await asyncio.gather(*work, return_exceptions=True)
            assert all(isinstance(each, StoreUnavailable) for each in results)
            assert len({id(each) for each in results}) == len(results), "each has an error of its own"
            server.start()
            results = await asyncio.gather(*(store.commit(first(each)) for each in PEOPLE))
            assert set(results) == {Committed.OK}


async def test_a_connection_that_was_lost_while_idle_is_not_used() -> None:
    with RedisServer(persistent=True) as server:
        async with connected(server.url, retries=0) as redis:
            lane = Lane(redis)
            await lane.run([("SET", "a", "1")])
            server.kill()
            server.start()
            await asyncio.sleep(0.1)  # the end of the connection has arrived
            assert await lane.run([("GET", "a")]) == [b"1"]


async def test_a_trip_that_is_cut_is_repeated_as_the_client_was_opened_for(redis: Redis) -> None:
    class Cut(CountingLane):
        def _back(self, ride: Ride, wire: Wire, found: list[Any] | Exception) -> None:
            super()._back(ride, wire, ConnectionResetError("the answers are lost") if self.trips == 1 else found)

    lane = Cut(redis)
    answers = await asyncio.gather(*(lane.run([("INCR", "n")]) for _ in range(2)))
    assert answers == [[3], [4]]
    async with connected(f"unix://{redis.connection_pool.connection_kwargs['path']}", retries=0) as once:
        results = await asyncio.gather(*(Cut(once).run([("INCR", "n")]) for _ in range(2)), return_exceptions=True)
    assert all(isinstance(each, StoreUnavailable) for each in results)


async def test_writes_that_wait_for_replicas_wait_once() -> None:
    with RedisServer() as server:
        async with connected(server.url) as redis:
            store = CustomerStore(redis, 4, replicas=1)
            await store.scripts.load()
            began = time.monotonic()
            work = (store.commit(first(each)) for each in PEOPLE)
            results = await asyncio.gather(*work, return_exceptions=True)
            assert all("0 of 1 replicas" in str(each) for each in results)
            assert time.monotonic() - began < 10, "forty that each wait a second would take longer"
            assert (await store.read(PEOPLE[0])).version != "0", "they are there all the same"


async def test_a_full_redis_refuses_writes_and_answers_reads() -> None:
    with RedisServer() as server:
        async with connected(server.url) as redis:
            store = await CustomerStore.open(redis, 4)
            await redis.config_set("maxmemory", "1")
            work = [*(store.commit(first(each)) for each in PEOPLE), *(store.read(each) for each in PEOPLE)]
            results: list[Any] = await asyncio.gather(*work, return_exceptions=True)
            assert all(isinstance(each, OutOfRoom) for each in results[: len(PEOPLE)])
            assert [each.subject for each in results[len(PEOPLE) :]] == PEOPLE


async def test_who_gathers_while_redis_stands_still_waits_no_longer_than_the_first() -> None:
    with RedisServer() as server:
        async with connected(server.url) as redis:
            lane = Lane(redis)
            await lane.run([("PING",)])
            os.kill(server.pid, signal.SIGSTOP)

            async def asked(after_s: float) -> float:
                await asyncio.sleep(after_s)
                began = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    await lane.run([("PING",)])
                return time.monotonic() - began

            try:
                waited = await asyncio.gather(*(asked(number * LONGEST_WAIT_S) for number in range(2 * MOST_TRIPS)))
            finally:
                os.kill(server.pid, signal.SIGCONT)
    assert max(waited) < (1 + RETRIES) * ANSWER_TIMEOUT_S + 1.0


async def test_what_nobody_has_foreseen_is_told_to_all_who_wait(redis: Redis) -> None:
    class Odd(Lane):
        def _back(self, ride: Ride, wire: Wire, found: list[Any] | Exception) -> None:
            super()._back(ride, wire, InvalidResponse("no answer of Redis begins like this"))

    lane = Odd(redis)
    found = await asyncio.gather(*(lane.run([("PING",)]) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in found] == 3 * [InvalidResponse]


async def test_who_has_lost_a_connection_trusts_none_of_its_age(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane(redis)
    slow = asyncio.create_task(lane.run([("BLPOP", "nothing", 4 * LONGEST_WAIT_S)]))
    await asyncio.sleep(LONGEST_WAIT_S)
    await lane.run([("PING",)])
    await slow
    assert len(lane._idle) == 2
    for each in lane._idle:
        cast("asyncio.Transport", each._transport).pause_reading()  # such as after a proxy has forgotten them
    monkeypatch.setattr("profiles.wire.ANSWER_TIMEOUT_S", 0.1)
    assert await lane.run([("PING",)]) == [b"PONG"]


async def test_a_client_that_is_closed_while_a_trip_is_under_way_stays_closed(redis_url: str) -> None:
    async with connected(redis_url) as redis:
        lane = Lane(redis)
        await lane.run([("PING",)])
        asked = asyncio.create_task(lane.run([("DEBUG", "SLEEP", LONGEST_WAIT_S)]))
        await asyncio.sleep(LONGEST_WAIT_S / 5)
    with pytest.raises(StoreUnavailable, match="the client is closed"):
        await asked
    pool = redis.connection_pool
    assert not any(each.is_connected for each in (*pool._available_connections, *pool._in_use_connections))


async def test_a_client_that_is_closed_while_a_connection_is_opened_stays_closed() -> None:
    with RedisServer() as server:
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with connected(server.url) as redis:
                asked = asyncio.create_task(Lane(redis).run([("PING",)]))
                await asyncio.sleep(LONGEST_WAIT_S)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        with pytest.raises(StoreUnavailable):
            await asked
        pool = redis.connection_pool
        assert not any(each.is_connected for each in (*pool._available_connections, *pool._in_use_connections))
