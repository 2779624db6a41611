"""Interactions a second and core from Kafka through the profile worker, and how long each is on its way.

    python -m bench.ingest            10,000 and 100,000 customers
    python -m bench.ingest --full     1,000,000 too (3 GB of memory)

A real Kafka (one node, KRaft, lz4) and a redis-server with append-only persistence (`everysec`), both started here; one
real `opportune worker` that takes in, folds, commits, fires timers and relays what it says itself (the summaries of
visits, actions) back to Kafka; the policy has 20 features of which 8 are windowed, sessions and 200 trigger rules.
Every customer begins with a profile of 30 interactions, then customers come in turns of five, one visit each (calls
that are among them are a visit of their own, so that 100 interactions are about 28 visits).

Two figures, since the same interactions bring more or less with them:

    per_s        all that follows is in it: the visits lie a day in the past, so that each ends at once, and the clock
                 stops when its timer has fired and gone through Kafka and back, and its summary is folded and relayed.
                 This is what a worker does in the long run, where as many visits end as begin.
    per_s_open   the visits go on: no timer fires yet. The first interaction of each still ends the one before.

In either all that was produced is there before the worker starts: it catches up, so that interactions of one visit are
often folded into one commit. In the same run, over the same records, one process each:

    bare         aiokafka, JSON decoded, pipelined SETs (bench/ingesting/bare.py)
    quixstreams  one count per key in its state store (bench/ingesting/quix.py; its own virtual environment)

Either is interactions a second of CPU time of the worker process, the worst number of customers; `of_bare` and
`x_quixstreams` compare `per_s` with the CPU time of the other processes. `wall_per_s` is by the clock with open
visits, while Kafka, Redis and the worker share this machine; `per_core_with_redis_s` is `per_s` with Redis's CPU time
in it. Lags are taken at half of `wall_per_s`, of interactions as a backend writes them itself, and told by stages.
`flatness`: slowest over fastest number of customers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

import uvloop
from redis.asyncio import Redis

from app import ROOT
from app.publishing import PolicyStore
from app.redis_binary import find_redis_server, listpack_setting, redis_version
from bench.ingesting import lag
from bench.ingesting.policy import FILES, live_policy
from bench.ingesting.traffic import Traffic, produce
from bench.ingesting.worker import Moment, working
from bench.profiles import Population
from bench.report import print_figures, print_table
from consumers.kafka.admin import ensure_topics
from consumers.kafka.ends import Ends
from consumers.kafka.producer import Producer
from consumers.kafka.topics import LogPlan
from profiles.connection import connected
from profiles.registry import Registry
from profiles.store import CustomerStore
from tests.kafka_server import KafkaServer
from tests.servers import RedisServer

SHARDS, PARTITIONS = 16, 4
RECORDS = 60_000
COLD = 0.2
"""This share of the records is folded before the clock runs: the worker has started, and has compiled what it needs."""
LAG_FOR_S = 20.0
LOG_KEEP = 100_000
"""The logs tell the stages of all probes."""
DAY_MS = 86_400_000
QUIX = ROOT / "var" / "bench-quixstreams"


@dataclass(frozen=True, slots=True)
class Found:
    customers: int
    per_core_s: float
    per_core_with_redis_s: float
    open_per_core_s: float
    wall_per_s: float
    bare_per_core_s: float
    bare_wall_per_s: float
    quix_per_core_s: float
    ways: list[lag.Way]

    def lag_ms(self, share: float) -> float:
        return 1000 * lag.quantile([each.lag_s for each in self.ways], share)

    def row(self) -> list[str]:
        figures = (self.per_core_s, self.per_core_with_redis_s, self.open_per_core_s, self.wall_per_s)
        baselines = (self.bare_per_core_s, self.bare_wall_per_s, self.quix_per_core_s)
        return [f"{self.customers:,}", *(f"{each:,.0f}" for each in (*figures, *baselines))]

    def stages(self) -> list[str]:
        """Of the lag: p50 and p99 of each in ms."""
        produced, taken = [each.produced_s for each in self.ways], [each.taken_s for each in self.ways]
        stages = ([each.lag_s for each in self.ways], produced, taken, [each.folded_s for each in self.ways])
        told = (f"{lag.quantile(each, 0.5) * 1000:,.0f} / {lag.quantile(each, 0.99) * 1000:,.0f}" for each in stages)
        return [f"{self.customers:,}", f"{self.wall_per_s / 2:,.0f}", *told]


HEADING = ["customers", "a core /s", "with redis", "open visits", "wall /s", "bare core", "bare wall", "quix core"]
STAGES = ["customers", "lag at /s", "p50 / p99 ms", "until in Kafka", "until in the log", "until in the profile"]


class Bench:
    def __init__(self, kafka: KafkaServer, server: RedisServer, redis: Redis, quix: Path) -> None:
        self._kafka = kafka
        self._redis = redis
        self._quix = quix
        self._policy = live_policy()
        self._plan = LogPlan(PARTITIONS, 1, 7 * DAY_MS)
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")},
            "OPPORTUNE_REDIS": server.url,
            "OPPORTUNE_KAFKA": kafka.servers,
            "OPPORTUNE_KAFKA_PARTITIONS": str(PARTITIONS),
            "OPPORTUNE_KAFKA_REPLICATION": "1",
            "OPPORTUNE_LOG_LEVEL": "warning",
            "OPPORTUNE_LOG_KEEP": str(LOG_KEEP),
        }

    async def measured(self, customers: int) -> Found:
        open_per_core_s, wall_per_s, ways = await self._open(customers)
        begun, settled = await self._ended(customers)
        bare, quix = await self._bare(), await self._quixstreams()
        return Found(
            customers,
            begun.per_core_s(settled),
            begun.per_core_with_redis_s(settled),
            open_per_core_s,
            wall_per_s,
            RECORDS / bare["cpu_s"],
            RECORDS / bare["wall_s"],
            RECORDS / quix["cpu_s"],
            ways,
        )

    async def _open(self, customers: int) -> tuple[float, float, list[lag.Way]]:
        """Interactions of these minutes: a second of CPU time, a second by the clock, and lags at half of that."""
        store, traffic = await self._produced(customers, 2 * RECORDS)
        with working(self._environ, self._redis, store) as worker:
            begun = await worker.until_folded(int(RECORDS * COLD))
            done = await worker.until_folded(RECORDS)
            wall_per_s = begun.per_s(done)
            where = (self._kafka.servers, self._redis, traffic, PARTITIONS, SHARDS)
            ways = await lag.ways(*where, wall_per_s / 2, LAG_FOR_S)
        return begun.per_core_s(done), wall_per_s, ways

    async def _ended(self, customers: int) -> tuple[Moment, Moment]:
        """Interactions of the day before, with all that follows from them. What follows from those before the first
        moment falls behind it for the most part: it is in the figure too."""
        store, _ = await self._produced(customers, DAY_MS)
        ends = Ends(self._kafka.connection)
        with working(self._environ, self._redis, store) as worker:
            begun = await worker.until_folded(int(RECORDS * COLD))
            await worker.until_folded(RECORDS)
            settled = await worker.until_settled(ends, PARTITIONS)
        await ends.close()
        return begun, settled

    async def _produced(self, customers: int, ago_ms: int) -> tuple[CustomerStore, Traffic]:
        """All is in Kafka; the first happened so long ago."""
        store = await self._fresh(customers)
        traffic = Traffic(self._policy, customers, SHARDS, int(time.time() * 1000) - ago_ms)
        producer = Producer(self._kafka.connection, PARTITIONS)
        try:
            await produce(producer, traffic.some(RECORDS))
        finally:
            await producer.close()
        return store, traffic

    async def _fresh(self, customers: int) -> CustomerStore:
        await self._redis.flushall()
        await self._kafka.delete_topics()
        await ensure_topics(self._kafka.connection, self._plan)
        store = await CustomerStore.open(self._redis, SHARDS)
        await PolicyStore(Registry(self._redis)).publish(self._policy, FILES)
        now_ms = int(time.time() * 1000) - DAY_MS
        await Population(self._redis, store, self._policy, customers, random.Random(7), now_ms).settle()
        return store

    async def _bare(self) -> dict[str, float]:
        where = (self._kafka.servers, "interactions", str(PARTITIONS), str(RECORDS), self._environ["OPPORTUNE_REDIS"])
        return await _figures(sys.executable, "-m", "bench.ingesting.bare", *where)

    async def _quixstreams(self) -> dict[str, float]:
        script = ROOT / "bench" / "ingesting" / "quix.py"
        with tempfile.TemporaryDirectory() as state:
            arguments = (self._kafka.servers, "interactions", str(RECORDS), state)
            return await _figures(str(self._quix), str(script), *arguments)


async def _figures(*command: str) -> dict[str, float]:
    """The last line of what a process of its own prints."""
    run = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def quixstreams_python() -> Path:
    """quixstreams wants older packages than ours: it has an environment of its own, made when it is first needed."""
    python, lock = QUIX / "bin" / "python", ROOT / "bench" / "ingesting" / "quixstreams.lock"
    done = QUIX / "installed"
    if not done.exists() or done.read_text() != lock.read_text():
        venv.create(QUIX, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(lock)], check=True)
        done.write_text(lock.read_text())
    return python


async def main(arguments: argparse.Namespace) -> None:
    quix = quixstreams_python()
    sizes = [10_000, 100_000, *([1_000_000] if arguments.full else [])]
    listpack = listpack_setting(redis_version(find_redis_server()))
    options = (f"--{listpack}", "4096", "--appendonly", "yes", "--appendfsync", "everysec")
    with KafkaServer() as kafka, RedisServer(*options) as server:
        async with connected(server.url) as redis:
            bench = Bench(kafka, server, redis, quix)
            found = [await bench.measured(customers) for customers in sizes]
    print_table([HEADING, *(each.row() for each in found)])
    print_table([STAGES, *(each.stages() for each in found)])
    speeds = [each.per_core_s for each in found]
    print_figures(
        "ingest",
        {
            "per_s": min(speeds),
            "of_bare": min(each.per_core_s / each.bare_per_core_s for each in found),
            "x_quixstreams": min(each.per_core_s / each.quix_per_core_s for each in found),
            "lag_p50_ms": max(each.lag_ms(0.5) for each in found),
            "lag_p99_ms": max(each.lag_ms(0.99) for each in found),
            "flatness": min(speeds) / max(speeds),
            "per_s_open": min(each.open_per_core_s for each in found),
            "wall_per_s": min(each.wall_per_s for each in found),
            "wall_of_bare": min(each.wall_per_s / each.bare_wall_per_s for each in found),
            "per_core_with_redis_s": min(each.per_core_with_redis_s for each in found),
        },
        customers=sizes,
        partitions=PARTITIONS,
        shards=SHARDS,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000,000 customers too")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(arguments()))
