"""Hostile interleavings of production code on a real Redis, for as long as asked.

python -m tests.sim.soak --minutes 10          seeds from a random one on; prints what fails
python -m tests.sim.soak --seed 4711           replays one seed, step by step
"""

import argparse
import asyncio
import logging
import secrets
import sys
import time

from profiles.connection import connected
from tests.servers import RedisServer
from tests.sim.real import run


async def soak(minutes: float, first: int) -> int:
    until, seed, failed = time.monotonic() + 60 * minutes, first, 0
    with RedisServer() as server:
        async with connected(server.url) as redis:
            while time.monotonic() < until:
                if wrong := await run(redis, seed):
                    failed += 1
                    _say(f"seed {seed} (python -m tests.sim.soak --seed {seed})", *(f"  {each}" for each in wrong))
                seed += 1
    _say(f"{seed - first} seeds from {first}: {failed} failed")
    return 1 if failed else 0


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
    parser.add_argument("--base", type=int)
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # fences and dead letters are what is wanted here
    if given.seed is not None:
        return asyncio.run(replay(given.seed))
    return asyncio.run(soak(given.minutes, secrets.randbelow(10**9) if given.base is None else given.base))


if __name__ == "__main__":
    sys.exit(main())
