"""Whole workers on a real Kafka and a real Redis, killed, frozen and stopped while backends and the API write.

Read off at the end: every record of the topics stands in the log of its shard once, and every profile is the fold of
its distinct interactions.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from consumers.accepting import record_of
from consumers.kafka.ends import Ends
from consumers.kafka.ordering import TOPICS
from consumers.kafka.reading import Part
from profiles import keys
from profiles.connection import connected
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore
from schemas.interaction import to_cloud_event
from tests.builders import live, purchase
from tests.faults.checking import folded_where_said
from tests.kafka_server import KafkaServer
from tests.servers import RedisServer

ROOT = Path(__file__).parents[2]
SHARDS, PARTITIONS, CUSTOMERS = 8, 4, 40
ROUNDS = int(os.environ.get("FAULT_ROUNDS") or 6)
PER_ROUND = 400
PATIENCE_S = 120.0
FROZEN_S = 7.5
"""Longer than the session, so that others take over."""
POLICY = live()


@pytest.fixture
def redis_server_apart() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def environ(redis_server_apart: RedisServer, kafka_server: KafkaServer, tmp_path: Path) -> dict[str, str]:
    await kafka_server.delete_topics()
    ours = {
        "REDIS": redis_server_apart.url,
        "LOG_LEVEL": "error",
        "LOG_KEEP": "1000000",
        "SHARDS": str(SHARDS),
        "KAFKA": kafka_server.servers,
        "KAFKA_PARTITIONS": str(PARTITIONS),
        "KAFKA_REPLICATION": "1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    found = {**inherited, **{f"OPPORTUNE_{name}": value for name, value in ours.items()}}
    (tmp_path / "policy.yaml").write_text(
        "policy: {name: shop}\n"
        "interactions: {purchase: {channel: web, fields: {amount: double!, product: string}}}\n"
        "features: {spend: {sum: event.amount, of: purchase}}\n"
    )
    for command in (["topics"], ["publish", str(tmp_path)]):
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "app", *command], cwd=ROOT, env=found, check=True
        )
    return found


@contextmanager
def worker(environ: dict[str, str], name: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "app", "worker"]
    with subprocess.Popen(command, cwd=ROOT, env={**environ, "OPPORTUNE_INSTANCE": name}) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.fixture
async def redis(redis_server_apart: RedisServer) -> AsyncIterator[Redis]:
    async with connected(redis_server_apart.url) as client:
        yield client


async def test_each_record_once_and_each_profile_the_fold(
    environ: dict[str, str], redis: Redis, kafka_server: KafkaServer
) -> None:
    seed = int(os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6))
    print(f"FAULT_SEED={seed}")  # noqa: T201 (so that a failure can be repeated)
    chance = random.Random(seed)
    store = await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
    producer = AIOKafkaProducer(bootstrap_servers=kafka_server.servers, acks="all")
    await producer.start()
    happened: list[str] = []
    with ExitStack() as running:
        names = ["a", "b"]
        workers = {name: running.enter_context(worker(environ, name)) for name in names}
        await _until(redis, lambda total: total >= 0, "begun")
        for number in range(ROUNDS):
            await _written(store, producer, number, chance)
            await asyncio.sleep(chance.random())
            name, fault = chance.choice(names), chance.choice(("kill", "freeze", "stop"))
            happened.append(f"{fault} {name}")
            if fault == "freeze":
                workers[name].send_signal(signal.SIGSTOP)
                await _written(store, producer, ROUNDS + number, chance)
                await asyncio.sleep(FROZEN_S)
                workers[name].send_signal(signal.SIGCONT)
                continue
            workers[name].send_signal(signal.SIGKILL if fault == "kill" else signal.SIGTERM)
            await asyncio.to_thread(workers[name].wait, 30)
            await asyncio.sleep(chance.random())
            workers[name] = running.enter_context(worker(environ, name))
        await producer.stop()
        sent = PER_ROUND * (ROUNDS + sum(each.startswith("freeze") for each in happened))
        await _until(redis, lambda total: total >= sent, f"all is folded after {happened}")
        await asyncio.sleep(2)

    assert await _total(redis) == sent, happened
    places = await _places(redis)
    assert len(places) == len(set(places)), f"a record is in the log twice after {happened}"
    ends = Ends(kafka_server.connection)
    parts = [Part(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
    there = sum((await ends.of(parts)).values()) - await folded_where_said(kafka_server.connection, parts)
    assert len(places) == there, f"a record is missing after {happened}"
    await ends.close()


async def _written(store: CustomerStore, producer: AIOKafkaProducer, round_: int, chance: random.Random) -> None:
    """Half of it by the API, half by a backend that keys as it likes; each with an amount of 1."""
    for n in range(PER_ROUND):
        event = purchase(1.0, subject=f"customer:{chance.randrange(CUSTOMERS)}", id=f"{round_}-{n}")
        if n % 2:
            await store.append([record_of(event)])
        else:
            await producer.send("interactions", orjson.dumps(to_cloud_event(event)), partition=n % PARTITIONS)
    await producer.flush()


async def _total(redis: Redis) -> int:
    """What all customers have spent together: their distinct purchases."""
    shards_of = await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
    found = await shards_of.read_all(f"customer:{n}" for n in range(CUSTOMERS))
    return sum(int(value) for each in found.values() for value in each.profile.features.values())


async def _until(redis: Redis, is_so: Any, what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so(await _total(redis)):  # noqa: ASYNC110 (only the servers can tell)
                await asyncio.sleep(0.1)
    except TimeoutError as cause:
        raise AssertionError(f"not within {PATIENCE_S:g} s: {what}; {await _total(redis)}") from cause


async def _places(redis: Redis) -> list[tuple[bytes, bytes]]:
    """Of all records in the logs: topic, and where they stand in Kafka."""
    found: list[tuple[bytes, bytes]] = []
    for shard in range(SHARDS):
        entries: Any = await redis.xrange(TAKEN_IN.key(shard))
        found += [(fields[b"topic"], fields[b"from"]) for _, fields in entries]
        assert not await redis.exists(keys.dead_letters(shard))
    return found
