"""Which requests met a stop of the machine."""

import asyncio

from bench.load.stops import met, stops_in, watching_machine, watching_redis
from profiles.connection import connected
from tests.servers import RedisServer

USUAL, SLOW = 0.0001, 0.001


def pieces(cpus: list[float]) -> list[tuple[float, float, float]]:
    return [(number * 0.01, number * 0.01 + cpu, cpu) for number, cpu in enumerate(cpus)]


def test_a_stop_is_several_slow_pieces_near_each_other() -> None:
    cpus = [USUAL] * 100
    cpus[20] = SLOW  # alone
    cpus[50] = cpus[51] = cpus[54] = SLOW
    [(begun, ended)] = stops_in(pieces(cpus))
    assert (round(begun, 3), round(ended, 3)) == (0.49, 0.541)
    assert stops_in([]) == stops_in(pieces([USUAL] * 9)) == []


def test_requests_under_way_and_those_that_queued_after_it_have_met_it() -> None:
    latencies = [2.0] * 100  # one every 10 ms, the first due at 10.0
    latencies[40] = 150.0
    found = met([(10.495, 10.545)], 10.0, 100.0, latencies)
    assert [number for number, each in enumerate(found) if each] == [40, *range(50, 60)]
    assert not any(met([], 10.0, 100.0, latencies))


def test_the_machine_and_redis_are_watched() -> None:
    async def story() -> None:
        with RedisServer() as server:
            async with connected(server.url) as redis, watching_redis(redis) as waited, watching_machine() as stops:
                await redis.execute_command("DEBUG", "SLEEP", "0.05")  # type: ignore[no-untyped-call]
        assert waited["command"] >= 50
        assert all(begun < ended for begun, ended in stops)

    asyncio.run(story())
