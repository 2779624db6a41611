"""The relay on a real Kafka and a real Redis: all there, in order, whatever is killed; what is doubled has one id."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from consumers.kafka.admin import ensure_topics
from consumers.kafka.errors import LogMisfit
from consumers.kafka.messages import Message
from consumers.kafka.producer import Producer
from consumers.kafka.topics import LogPlan
from consumers.relay import Relay
from profiles import keys
from profiles.store import CustomerStore, Record
from schemas.topics import MEBIBYTE, TOPIC_BY_NAME
from tests.consumers.conftest import SHARDS, Counted
from tests.kafka_server import KafkaServer

PARTITIONS = 2
TOPIC = "responses"
ALL = frozenset(range(SHARDS))
CUSTOMERS = 12
WITHIN_S = 90


class Dies(Exception):  # noqa: N818
    """Instead of a crash."""


@pytest.fixture
async def kafka(kafka_server: KafkaServer) -> AsyncIterator[KafkaServer]:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    yield kafka_server
    if not kafka_server.running:
        kafka_server.start_node(1)
        await kafka_server.ready()


def responses(first: int, last: int) -> list[Record]:
    return [Record(TOPIC, f"r-{n}", f"customer:c{n % CUSTOMERS}", b"{}") for n in range(first, last)]


async def found(kafka: KafkaServer) -> dict[str, list[int]]:
    """By subject the numbers in the ids, in the order in which they stand."""
    by_subject: dict[str, list[int]] = {}
    for each in await kafka.records(TOPIC, PARTITIONS):
        number = int(dict(each.headers)["ce_id"].removeprefix(b"r-"))
        by_subject.setdefault((each.key or b"").decode(), []).append(number)
    return by_subject


def all_in_order(by_subject: dict[str, list[int]], last: int) -> bool:
    first_copies = {subject: list(dict.fromkeys(numbers)) for subject, numbers in by_subject.items()}
    return first_copies == {f"customer:c{n}": list(range(n, last, CUSTOMERS)) for n in range(CUSTOMERS)}


def copies(by_subject: dict[str, list[int]]) -> int:
    return sum(map(len, by_subject.values()))


async def until_moved(redis: Redis) -> None:
    async with asyncio.timeout(WITHIN_S):
        while sum([await redis.xlen(keys.outbox(shard)) for shard in ALL]):  # noqa: ASYNC110 (only Redis can tell)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def relaying(
    store: CustomerStore, kafka: KafkaServer, meter: Counted, within_s: float = 20
) -> AsyncIterator[Producer]:
    producer = Producer(kafka.connection, PARTITIONS, within_s)
    relay = Relay(store, lambda: ALL, producer, meter)
    running = asyncio.create_task(relay.run())
    try:
        yield producer
    finally:
        relay.stop()
        await running
        await producer.close()


async def append_steadily(
    store: CustomerStore, first: int, last: int, meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """`meanwhile` happens in the middle of it."""
    for number in range(first, last, 20):
        await store.append(responses(number, min(number + 20, last)))
        if number >= (first + last) // 2 > number - 20:
            await meanwhile()
        await asyncio.sleep(0.002)


async def test_all_that_is_appended_meanwhile_is_moved_once(
    store: CustomerStore, redis: Redis, kafka: KafkaServer, meter: Counted
) -> None:
    async def nothing() -> None: ...

    async with relaying(store, kafka, meter):
        await append_steadily(store, 0, 4_000, nothing)
        await until_moved(redis)

    by_subject = await found(kafka)
    assert all_in_order(by_subject, 4_000)
    assert copies(by_subject) == 4_000
    assert meter.counts["relay_sent"] == 4_000


async def test_the_broker_is_killed_in_mid_stream(
    store: CustomerStore, redis: Redis, kafka: KafkaServer, meter: Counted
) -> None:
    async def kill() -> None:
        kafka.kill_node(1)

    async with relaying(store, kafka, meter, within_s=3):
        await append_steadily(store, 0, 4_000, kill)
        await asyncio.sleep(4)  # long enough for a call to give up
        assert sum([await redis.xlen(keys.outbox(shard)) for shard in ALL]) >= 1_900, "what Kafka does not have"
        kafka.start_node(1)
        await kafka.ready()
        await store.append(responses(4_000, 4_100))
        await until_moved(redis)

    assert meter.counts["relay_failures"] >= 1
    assert all_in_order(await found(kafka), 4_100)


async def test_a_relay_that_dies_before_it_cuts_is_followed_by_one_that_sends_again(
    store: CustomerStore, redis: Redis, kafka: KafkaServer, meter: Counted
) -> None:
    class Mortal(Producer):
        async def send(self, messages: Sequence[Message]) -> None:
            await super().send(messages)
            raise Dies

    await store.append(responses(0, 120))
    mortal = Mortal(kafka.connection, PARTITIONS)
    with pytest.raises(Dies):
        await Relay(store, lambda: ALL, mortal, meter).move()
    await mortal.close()
    assert sum([await redis.xlen(keys.outbox(shard)) for shard in ALL]) == 120
    first = copies(await found(kafka))
    assert first > 0

    async with relaying(store, kafka, meter):
        await until_moved(redis)
    by_subject = await found(kafka)
    assert all_in_order(by_subject, 120)
    assert copies(by_subject) == 120 + first, "only what was sent before comes twice"


async def test_two_relays_at_the_same_shards(
    store: CustomerStore, redis: Redis, kafka: KafkaServer, meter: Counted
) -> None:
    async def nothing() -> None: ...

    async with relaying(store, kafka, meter), relaying(store, kafka, meter):
        await append_steadily(store, 0, 2_000, nothing)
        await until_moved(redis)

    assert all_in_order(await found(kafka), 2_000)


async def test_a_record_that_the_topic_does_not_take_stays_and_what_follows_too(
    store: CustomerStore, redis: Redis, kafka: KafkaServer, meter: Counted
) -> None:
    large = Record(TOPIC, "r-large", "customer:c0", os.urandom(TOPIC_BY_NAME[TOPIC].most_bytes + MEBIBYTE))
    await store.append([large, *responses(0, 1)])
    producer = Producer(kafka.connection, PARTITIONS)
    with pytest.raises(LogMisfit, match="larger than the topic takes"):
        await Relay(store, lambda: ALL, producer, meter).move()
    await producer.close()

    assert await redis.xlen(keys.outbox(store.shard("customer:c0"))) == 2
