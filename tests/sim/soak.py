"""Hostile interleavings of production code on a real Redis, and real processes in trouble, for as long as asked.

python -m tests.sim.soak --minutes 10          seeds from a random one on; prints what fails
python -m tests.sim.soak --seed 4711           replays one seed of interleavings, step by step
python -m tests.sim.soak --processes 4711      one seed of processes again, as far as the machine allows
"""

import argparse
import asyncio
import logging
import secrets
import sys
import time

from profiles.connection import connected
from tests.servers import RedisServer
from tests.sim import processes
from tests.sim.real import run

INTERLEAVINGS_S = 30.0
"""Of coroutines, between two runs of processes."""


async def soak(minutes: float, first: int) -> int:
    until, seed, failed = time.monotonic() + 60 * minutes, first, 0
    while time.monotonic() < until:
        pause = min(until, time.monotonic() + INTERLEAVINGS_S)
        with RedisServer() as server:
            async with connected(server.url) as redis:
                while time.monotonic() < pause:
                    failed += _told(f"--seed {seed}", await run(redis, seed))
                    seed += 1
        if time.monotonic() < until:
            failed += await in_processes(seed)
    _say(f"{seed - first} seeds from {first}: {failed} failed")
    return 1 if failed else 0


async def in_processes(seed: int) -> int:
    """1 if something is wrong."""
    try:
        wrong, happened = await processes.run(seed)
    except AssertionError as stuck:
        wrong, happened = [str(stuck)], "not finished"
    _say(f"processes {seed}: {happened}")
    return _told(f"--processes {seed}", wrong)


def _told(how: str, wrong: list[str]) -> int:
    if wrong:
        _say(f"python -m tests.sim.soak {how}", *(f"  {each}" for each in wrong))
    return 1 if wrong else 0


async def replay(seed: int) -> int:
    trace: list[str] = []
    with RedisServer() as server:
        async with connected(server.url) as redis:
            wrong = await run(redis, seed, trace)
    _say(*trace, "", *(wrong or ["nothing is wrong"]))
    return 1 if wrong else 0


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--base", type=int)
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # fences and dead letters are what is wanted here
    if given.processes is not None:
        return asyncio.run(in_processes(given.processes))
    if given.seed is not None:
        return asyncio.run(replay(given.seed))
    return asyncio.run(soak(given.minutes, secrets.randbelow(10**9) if given.base is None else given.base))


if __name__ == "__main__":
    sys.exit(main())
