"""When the machine itself stood still, and Redis: what a slow request may have waited for that is not ours.

    python -m bench.load.stops      looks until its standard input ends, then prints [[from, until], …] as JSON

A virtual machine does not always say when its host gives it no CPU: nothing counts as stolen, and work only seems to
take ten times its CPU time. So the same small piece of arithmetic is done a hundred times a second, and its CPU time is
measured; that other processes wanted the core does not count. Times are those of `time.perf_counter`, which all
processes of a Linux machine share.
"""

import asyncio
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

import orjson
from redis.asyncio import Redis

from app import ROOT

EVERY_S, JOINED_S = 0.01, 0.05
WORK = range(4_000)
SLOWED = 4.0
"""Times its usual CPU time."""
ENOUGH = 2
"""Slow pieces in a stop: one alone may have met an interrupt."""
REDIS_STOPS_MS = 3

Stop = tuple[float, float]
Piece = tuple[float, float, float]
"""When it was begun and done, and its CPU time."""


def stops_in(pieces: Sequence[Piece]) -> list[Stop]:
    """From the first slow piece to the last one of those that are close to each other."""
    if not pieces:
        return []
    slow = SLOWED * sorted(cpu for _, _, cpu in pieces)[len(pieces) // 2]
    joined: list[list[Piece]] = []
    for each in (piece for piece in pieces if piece[2] > slow):
        if joined and each[0] - joined[-1][-1][1] < JOINED_S:
            joined[-1].append(each)
        else:
            joined.append([each])
    return [(several[0][0] - EVERY_S, several[-1][1]) for several in joined if len(several) >= ENOUGH]


def met(stops: Iterable[Stop], start_s: float, rate: float, latencies_ms: Sequence[float]) -> list[bool]:
    """Of each request, whether it was under way during a stop, or for as long again: at half load the queue that a stop
    leaves needs that long to get empty."""
    found = [False] * len(latencies_ms)
    longer = [(begun, 2 * ended - begun) for begun, ended in stops]
    for number, latency_ms in enumerate(latencies_ms):
        due = start_s + number / rate
        found[number] = any(begun < due + latency_ms / 1000 and due < ended for begun, ended in longer)
    return found


@asynccontextmanager
async def watching_machine() -> AsyncIterator[list[Stop]]:
    """The list is filled in at the end."""
    command = [sys.executable, "-m", "bench.load.stops"]
    pipe = subprocess.PIPE
    looking = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    found: list[Stop] = []
    try:
        yield found
    finally:
        said, _ = await looking.communicate(b"")  # the end of its input
    found += [(begun, ended) for begun, ended in orjson.loads(said)]


@asynccontextmanager
async def watching_redis(redis: Redis) -> AsyncIterator[dict[str, int]]:
    """What Redis stood still for, and how long at most, in ms; filled in at the end."""
    await redis.config_set("latency-monitor-threshold", REDIS_STOPS_MS)
    await redis.execute_command("LATENCY", "RESET")  # type: ignore[no-untyped-call]
    found: dict[str, int] = {}
    yield found
    latest = await redis.execute_command("LATENCY", "LATEST")  # type: ignore[no-untyped-call]
    found |= {name.decode(): most for name, _, _, most in latest}


def pieces_of_work() -> list[Piece]:
    found = []
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        begun, cpu = time.perf_counter(), time.thread_time()
        sum(WORK)
        found.append((begun, time.perf_counter(), time.thread_time() - cpu))
    return found


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(stops_in(pieces_of_work())).decode() + "\n")
