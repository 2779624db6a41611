"""One real `opportune worker`, and what it has used and done."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from app import ROOT
from app.launcher import launched
from bench.ingesting.settled import is_settled
from consumers.kafka.ends import Ends
from profiles.store import CustomerStore

ROLES = "profiles,timers,relay"
STOP_WITHIN_S = 20.0
LOOK_EVERY_S = 0.1
FOLDED_WITHIN_S = 600.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Moment:
    folded: int
    """Interactions of touchpoints in profiles so far."""
    wall_s: float
    cpu_s: float
    """Of the worker."""
    redis_s: float
    """CPU time of Redis."""

    def per_s(self, later: Moment) -> float:
        return (later.folded - self.folded) / (later.wall_s - self.wall_s)

    def per_core_s(self, later: Moment) -> float:
        return (later.folded - self.folded) / (later.cpu_s - self.cpu_s)

    def per_core_with_redis_s(self, later: Moment) -> float:
        return (later.folded - self.folded) / (later.cpu_s - self.cpu_s + later.redis_s - self.redis_s)


class Worker:
    def __init__(self, process: subprocess.Popen[bytes], redis: Redis, store: CustomerStore) -> None:
        self._process = process
        self._redis = redis
        self._store = store

    async def until_folded(self, least: int) -> Moment:
        """The first moment in which so many are seen to be in the profiles."""
        give_up = time.monotonic() + FOLDED_WITHIN_S
        while True:
            moment = await self._moment()
            if moment.folded >= least:
                return moment
            assert self._process.poll() is None, "the worker has ended"
            assert time.monotonic() < give_up, f"{moment.folded} of {least} are folded after {FOLDED_WITHIN_S} s"
            await asyncio.sleep(LOOK_EVERY_S)

    async def until_settled(self, ends: Ends, partitions: int) -> Moment:
        """The first moment in which nothing is left to do."""
        async with asyncio.timeout(FOLDED_WITHIN_S):
            while not await is_settled(self._store, ends, partitions):
                assert self._process.poll() is None, "the worker has ended"
                await asyncio.sleep(LOOK_EVERY_S)
        return await self._moment()

    async def _moment(self) -> Moment:
        counts = await self._store.counts()
        folded = sum(
            amount for name, amount in counts.items() if "|interactions|" in name and "|session_ended|" not in name
        )
        used = await self._redis.info("cpu")
        redis_s = float(used["used_cpu_user"]) + float(used["used_cpu_sys"])
        return Moment(folded, time.monotonic(), _cpu_s(self._process.pid), redis_s)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def working(environ: Mapping[str, str], redis: Redis, store: CustomerStore) -> Iterator[Worker]:
    """In a session of its own, as Redis and Kafka are: Linux shares the cores among sessions, and who measures would
    take from the worker's share."""
    command = launched([sys.executable, "-m", "app", "worker", "--roles", ROLES])
    process = subprocess.Popen(command, cwd=ROOT, env=dict(environ), start_new_session=True)
    try:
        yield Worker(process, redis, store)
    finally:
        process.terminate()
        process.wait(STOP_WITHIN_S)
