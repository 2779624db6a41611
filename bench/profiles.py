"""Interactions folded and committed a second by one worker, against a bare loop over the same records.

    python -m bench.profiles            1,000 and 100,000 customers
    python -m bench.profiles --full     1,000,000 too (2 GB of memory)
    python -m bench.profiles --profile  where the time goes

A redis-server of its own on a unix socket, the production loop (guarded batches, one atomic commit per customer)
and the production fold with the policy below: 20 features, of which 8 are windowed. Every customer begins with a
profile of 30 interactions, so that any number of customers costs the same to prepare. Then customers come in turns,
`--visit` interactions each (3), and the loop folds what has piled up in the log; the records are typed and name
the policy that typed them, as those that the API has accepted do. The bare loop reads the same
records with the same client and writes each body with SET in one pipeline a batch. The loop also folds the summary
of each visit that ends, and reads past the record of it, which it appends to the log itself: `per_s` and `of_bare` do
not count them, `records_per_s` does.

`per_s` is wall time with one worker process, whose core is busy, and a part of another one for Redis; `per_core_s`
counts the CPU time of both. The figures are of the best of several rounds, bare loop and ours in turns. `flatness` is
the slowest number of customers over the fastest by CPU time, as other load on the machine would drown it. However
many customers there are, each turn ends a visit and begins the next.
`turns_per_s`: with one interaction a turn, where nothing shares a commit.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import uvloop
import yaml
from msgspec.structs import replace
from redis.asyncio import Redis

from app.redis_binary import find_redis_server, listpack_setting, redis_version
from app.story import Story
from bench.report import print_figures, print_table
from consumers.folding import Around, ProfileFold
from consumers.garbage import collect_rarely
from consumers.live import LivePolicy
from consumers.loop import MOST_RECORDS, GuardedLoop
from consumers.meter import Labels
from consumers.redis_streams import RedisStreams
from profiles import keys
from profiles.connection import connected
from profiles.log_stream import OUTBOX
from profiles.store import CustomerStore, Record
from rules.policy import check
from schemas.interaction import Interaction, to_cloud_event
from tests.servers import RedisServer

SHARDS, KEEP, SEED = 4, 1_000, 7
HISTORY, VISITS = 30, 6
BETWEEN_VISITS_MS = 31 * 60_000
DAY_MS = 86_400_000
ROUNDS, RECORDS = 5, 12_000
PRODUCTS = [f"product-{number}" for number in range(40)]
CATEGORIES = ["phones", "tablets", "audio", "tv", "cables"]
POLICY: dict[str, Any] = {
    "policy": {"name": "bench"},
    "interactions": {
        "page_view": {"channel": "web", "fields": {"product": "string", "category": "string"}},
        "add_to_cart": {"channel": "web", "fields": {"product": "string", "amount": "double!"}},
        "purchase": {"channel": "web", "fields": {"product": "string", "amount": "double!"}},
        "call_started": {"channel": "call", "fields": {"topic": "string"}},
    },
    "features": {
        "views_7d": {"count": "page_view", "window": "7d"},
        "views_30d": {"count": "page_view", "window": "30d"},
        "carts_30d": {"count": "add_to_cart", "window": "30d"},
        "cart_value_7d": {"sum": "amount", "of": "add_to_cart", "window": "7d"},
        "purchases_90d": {"count": "purchase", "window": "90d"},
        "spend_90d": {"sum": "amount", "of": "purchase", "window": "90d"},
        "mean_basket_365d": {"mean": "amount", "of": "purchase", "window": "365d"},
        "calls_30d": {"count": "call_started", "window": "30d"},
        "purchases": {"count": "purchase"},
        "spend": {"sum": "amount", "of": "purchase"},
        "biggest": {"max": "amount", "of": "purchase"},
        "smallest": {"min": "amount", "of": "purchase"},
        "first_purchase_at": {"first": "event.time", "of": "purchase"},
        "last_purchase_at": {"last": "event.time", "of": "purchase"},
        "last_call_at": {"last": "event.time", "of": "call_started"},
        "last_topic": {"last": "topic", "of": "call_started"},
        "last_in_cart": {"last": "product", "of": "add_to_cart"},
        "viewed": {"recent": "product", "of": "page_view", "keep": 5},
        "favourites": {"top": "category", "of": "page_view", "keep": 3},
        "different_buys": {"distinct": "product", "of": "purchase"},
    },
    "offers": [
        {
            "id": "shipping",
            "name": "Free shipping",
            "treatments": [{"id": "s", "channel": "web", "placement": "hero", "content": {"title": "Free shipping"}}],
        }
    ],
    "campaigns": [
        {"id": "c", "programs": [{"id": "p", "cells": [{"id": "all", "share": 100, "offers": ["shipping"]}]}]}
    ],
    "rules": [
        {
            "id": "rescue",
            "when": "add_to_cart",
            "if": "customer.cart_value_7d > 5000.0 && customer.purchases_90d == 0",
            "propose": "shipping",
            "for": "24h",
        }
    ],
}


class NoMeter:
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def tally(self, name: str, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None: ...

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


class Folded(NoMeter):
    """Counts the records that were folded: what was written, and the summaries of visits that followed."""

    records = 0

    def count(self, name: str, amount: int = 1, **_: str) -> None:
        self.records += amount if name == "worker_folded" else 0


def live_policy() -> LivePolicy:
    checked = check({"policy.yaml": yaml.safe_dump(POLICY)})
    assert checked.ok, checked.findings
    return LivePolicy.compiled(checked)


def an_interaction(chance: random.Random, number: int, subject: str, at_ms: int) -> Interaction:
    kind = chance.choices(("page_view", "add_to_cart", "purchase", "call_started"), (60, 20, 10, 10))[0]
    data: dict[str, Any] = {"product": chance.choice(PRODUCTS)}
    match kind:
        case "page_view":
            data["category"] = chance.choice(CATEGORIES)
        case "call_started":
            data = {"topic": chance.choice(("billing", "contract", "moving"))}
        case _:
            data["amount"] = chance.randrange(500, 30_000) / 100
    channel = "call" if kind == "call_started" else "web"
    return Interaction(f"{number:016x}", "shop", kind, subject, channel, at_ms, data)


def history(chance: random.Random, subject: str, until_ms: int) -> Iterator[Interaction]:
    """30 interactions in 6 visits over the last 90 days."""
    starts = sorted(until_ms - chance.randrange(DAY_MS, 90 * DAY_MS) for _ in range(VISITS))
    for number in range(HISTORY):
        visit, page = divmod(number, HISTORY // VISITS)
        yield an_interaction(chance, chance.getrandbits(60), subject, starts[visit] + page * 40_000)


def some_profiles(policy: LivePolicy, chance: random.Random, count: int, until_ms: int) -> list[bytes]:
    made = []
    for _ in range(count):
        story = Story("customer:c0000000", policy, Around())  # with the summaries of all visits but the last
        for each in history(chance, story.step.subject, until_ms):
            story.happen(each)
        made.append(replace(story.step.profile, marks={OUTBOX.position: until_ms << 20}).dumps())
    return made


@dataclass
class Population:
    """So many customers in a fresh store, and the records of their next interactions."""

    redis: Redis
    store: CustomerStore
    policy: LivePolicy
    customers: int
    chance: random.Random
    now_ms: int
    written: int = 0
    turn: int = 0

    def subject(self, number: int) -> str:
        return f"customer:c{number % self.customers:07d}"

    async def settle(self) -> None:
        """Gives every customer a profile of 30 interactions."""
        templates = some_profiles(self.policy, self.chance, 500, self.now_ms - DAY_MS)
        for start in range(0, self.customers, 5_000):
            pipeline = self.redis.pipeline(transaction=False)
            for number in range(start, min(start + 5_000, self.customers)):
                subject = self.subject(number)
                key = keys.customer(self.store.shard(subject), subject)
                pipeline.hset(key, mapping={"version": f"{HISTORY}-a3f9c1", "profile": templates[number % 500]})
            await pipeline.execute()

    async def bytes_per_profile(self) -> float:
        pipeline = self.redis.pipeline(transaction=False)
        for number in range(min(self.customers, 1_000)):
            subject = self.subject(number)
            pipeline.memory_usage(keys.customer(self.store.shard(subject), subject))
        sizes: list[int] = await pipeline.execute()
        return sum(sizes) / len(sizes)

    async def write(self, records: int, visit: int) -> None:
        """Appends the interactions of customers who take turns."""
        said = []
        for at in range(records):
            at_ms = self.now_ms + self.written + self.turn // self.customers * BETWEEN_VISITS_MS
            made = an_interaction(self.chance, self.written, self.subject(self.turn), at_ms)
            event = replace(self.policy.definition.typed(made), policy=self.policy.revision)
            said.append(Record("interactions", event.identity, event.subject, orjson.dumps(to_cloud_event(event))))
            self.written += 1
            self.turn += at % visit == visit - 1
        for start in range(0, records, 2_000):
            await self.store.append(said[start : start + 2_000])


async def bare(redis: Redis, log: RedisStreams, positions: dict[int, int]) -> int:
    """Reads everything and writes each record with SET; returns how many."""
    done = 0
    while found := await log.read(positions, MOST_RECORDS, 1):
        pipeline = redis.pipeline(transaction=False)
        for shard, records in found.items():
            for record in records:
                pipeline.set(f"bare:{record.subject}", record.body)
            positions[shard] = records[-1].offset
            done += len(records)
        await pipeline.execute()
    return done


async def ours(loop: GuardedLoop) -> float:
    """Steps until the log is folded, with the summaries of visits that the loop itself appends; when it was."""
    done = time.perf_counter()
    before: dict[int, int] = {}
    while not before or before != dict(loop.positions):
        before, done = dict(loop.positions), time.perf_counter()
        await loop.step()
    return done


@dataclass
class Speeds:
    ours_per_s: float = 0.0
    bare_per_s: float = 0.0
    ours_per_core_s: float = 0.0
    records_per_s: float = 0.0
    """With the summaries of visits, which the loop appends to the log itself and folds in their turn."""

    @property
    def of_bare(self) -> float:
        return self.ours_per_s / self.bare_per_s


async def core_s(redis: Redis) -> float:
    """CPU time spent so far by this process and by Redis."""
    used = await redis.info("cpu")
    return time.process_time() + float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


async def measured(population: Population, visit: int, rounds: int, records: int) -> Speeds:
    meter = Folded()
    fold = ProfileFold(population.policy, meter)
    streams = RedisStreams(population.redis, SHARDS, "bench")
    loop = GuardedLoop(population.store, streams, lambda: fold, meter, KEEP, wait_ms=1)
    best, positions = Speeds(), dict.fromkeys(range(SHARDS), 0)
    for _ in range(rounds):
        await population.write(records, visit)
        start = time.perf_counter()
        done = await bare(population.redis, streams, positions)
        between, spent, before = time.perf_counter(), await core_s(population.redis), meter.records
        end = await ours(loop)
        spent, folded = await core_s(population.redis) - spent, meter.records - before
        assert done == records <= folded, (done, records, folded)
        positions |= loop.positions
        best.bare_per_s = max(best.bare_per_s, done / (between - start))
        best.ours_per_s = max(best.ours_per_s, done / (end - between))
        best.ours_per_core_s = max(best.ours_per_core_s, done / spent)
        best.records_per_s = max(best.records_per_s, folded / (end - between))
    return best


async def population_of(redis: Redis, customers: int, policy: LivePolicy) -> Population:
    await redis.flushall()
    store = await CustomerStore.open(redis, SHARDS)
    made = Population(redis, store, policy, customers, random.Random(SEED), int(time.time() * 1000) - 2 * DAY_MS)
    await made.settle()
    return made


async def main(arguments: argparse.Namespace) -> None:
    policy = live_policy()
    collect_rarely()
    sizes = [1_000, 100_000, *([1_000_000] if arguments.full else [])]
    listpack = listpack_setting(redis_version(find_redis_server()))
    with RedisServer(f"--{listpack}", "4096") as server:
        async with connected(server.url) as redis:
            if arguments.profile:
                population = await population_of(redis, 10_000, policy)
                await profiled(population, arguments.visit)
                return
            rows, speeds, turns = [["customers", "folded /s", "a core /s", "bare /s", "of bare", "bytes"]], [], []
            weight = 0.0
            for customers in sizes:
                population = await population_of(redis, customers, policy)
                weight = max(weight, await population.bytes_per_profile())
                speed = await measured(population, arguments.visit, ROUNDS, RECORDS)
                turns.append((await measured_afresh(population, 1)).ours_per_s)
                speeds.append(speed)
                rows.append([f"{customers:,}", f"{speed.ours_per_s:,.0f}", f"{speed.ours_per_core_s:,.0f}"])
                rows[-1] += [f"{speed.bare_per_s:,.0f}", f"{speed.of_bare:.2f}", f"{weight:,.0f}"]
    print_table(rows)
    per_core_s = [each.ours_per_core_s for each in speeds]
    print_figures(
        "profiles",
        {
            "per_s": min(each.ours_per_s for each in speeds),
            "of_bare": min(each.of_bare for each in speeds),
            "bytes_per_profile": weight,
            "flatness": min(per_core_s) / max(per_core_s),
            "per_core_s": min(per_core_s),
            "turns_per_s": min(turns),
            "records_per_s": min(each.records_per_s for each in speeds),
        },
        customers=sizes,
        features=len(POLICY["features"]),
    )


async def measured_afresh(population: Population, visit: int) -> Speeds:
    """With an empty log, so that the next loop starts from its beginning."""
    for shard in range(SHARDS):
        await population.redis.delete(keys.outbox(shard), keys.guard(shard))
    return await measured(population, visit, 2, RECORDS)


async def profiled(population: Population, visit: int) -> None:
    profiler = cProfile.Profile()
    fold = ProfileFold(population.policy, NoMeter())
    streams = RedisStreams(population.redis, SHARDS, "bench")
    loop = GuardedLoop(population.store, streams, lambda: fold, NoMeter(), KEEP, wait_ms=1)
    await population.write(RECORDS, visit)
    profiler.enable()
    await ours(loop)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000,000 customers too")
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    parser.add_argument("--visit", type=int, default=3, help="interactions a turn (3)")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(main(arguments()))
