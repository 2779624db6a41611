"""What every `EventLog` promises: the outboxes in Redis, and the whole way from there through Kafka and back."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from consumers.kafka.admin import ensure_topics
from consumers.kafka.topics import LogPlan
from consumers.log import EventLog
from consumers.redis_streams import RedisStreams
from profiles.connection import connected
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore, Record
from tests.consumers.line import PARTITIONS, Line
from tests.kafka_server import KafkaServer
from tests.redis_cluster import RedisCluster

SHARDS = 4
CLOCK_MS = 5
"""Redis and Kafka say when they took a record, each by its own clock."""


@dataclass
class Log:
    """A log, and a way to write into it."""

    join: Callable[[str], EventLog]
    write: Callable[[str, str], Awaitable[None]]
    """(subject, id)"""
    shard: Callable[[str], int]


@pytest.fixture(params=["redis streams", "redis cluster", "kafka"])
async def log(redis_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    if request.param == "redis cluster":
        cluster: RedisCluster = request.getfixturevalue("redis_cluster")
        cluster.flush()
        redis_url = cluster.url
    async with connected(redis_url) as redis:
        if request.param == "kafka":
            async with through_kafka(redis, request.getfixturevalue("kafka_server")) as found:
                yield found
            return
        store = await CustomerStore.open(redis, SHARDS)

        async def write(subject: str, identifier: str) -> None:
            await store.append([record(subject, identifier)])

        yield Log(lambda name: RedisStreams(redis, SHARDS, name), write, store.shard)


@asynccontextmanager
async def through_kafka(redis: Redis, kafka: KafkaServer) -> AsyncIterator[Log]:
    await kafka.delete_topics()
    await ensure_topics(kafka.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    line = await Line.on(redis, kafka.connection, SHARDS)
    written = 0

    async def write(subject: str, identifier: str) -> None:
        nonlocal written
        written += 1
        await line.store.append([record(subject, identifier)])
        await line.until(written)

    async with line.running(line.intake()), line.relaying():
        yield Log(lambda name: RedisStreams(redis, SHARDS, name, TAKEN_IN), write, line.store.shard)


def record(subject: str, identifier: str) -> Record:
    return Record("decisions", identifier, subject, identifier.encode())


async def test_a_part_is_read_in_order_after_a_position(log: Log) -> None:
    reader, shard = log.join("one"), log.shard("customer:a")
    for number in range(5):
        await log.write("customer:a", str(number))
    first = (await reader.read({shard: 0}, most=3, wait_ms=10))[shard]
    assert [each.body for each in first] == [b"0", b"1", b"2"]
    assert [each.offset for each in first] == sorted({each.offset for each in first})
    rest = (await reader.read({shard: first[-1].offset}, most=9, wait_ms=10))[shard]
    assert [each.id for each in rest] == ["3", "4"]
    assert {each.subject for each in rest} == {"customer:a"}


async def test_reading_again_gives_the_same(log: Log) -> None:
    reader, shard = log.join("one"), log.shard("customer:a")
    await log.write("customer:a", "x")
    assert await reader.read({shard: 0}, 9, 10) == await reader.read({shard: 0}, 9, 10)


async def test_a_part_without_news_is_left_out(log: Log) -> None:
    reader, shard = log.join("one"), log.shard("customer:a")
    assert await reader.read({shard: 0}, 9, 10) == {}


async def test_reading_ahead_changes_nothing_that_is_read(log: Log) -> None:
    reader, shard = log.join("one"), log.shard("customer:a")
    for number in range(5):
        await log.write("customer:a", str(number))
    first = (await reader.read({shard: 0}, 2, 10))[shard]
    await reader.read_ahead({shard: first[-1].offset}, 2)
    second = (await reader.read({shard: first[-1].offset}, 9, 10))[shard]
    third = (await reader.read({shard: second[-1].offset}, 9, 10))[shard]
    assert [each.id for each in (*first, *second, *third)] == ["0", "1", "2", "3", "4"]


async def test_what_was_read_ahead_of_another_position_is_not_used(log: Log) -> None:
    reader, shard = log.join("one"), log.shard("customer:a")
    for number in range(3):
        await log.write("customer:a", str(number))
    offsets = [each.offset for each in (await reader.read({shard: 0}, 9, 10))[shard]]
    await reader.read_ahead({shard: offsets[1]}, 9)
    assert [each.id for each in (await reader.read({shard: offsets[0]}, 9, 10))[shard]] == ["1", "2"]
    await reader.read_ahead({shard: offsets[1]}, 9)
    assert await reader.read({shard + 1: 0}, 9, 10) == {}


async def test_what_comes_after_reading_ahead_is_read_too(log: Log) -> None:
    reader, shard = log.join("one"), log.shard("customer:a")
    await reader.read_ahead({shard: 0}, 9)
    await log.write("customer:a", "0")
    assert [each.id for each in (await reader.read({shard: 0}, 9, 10))[shard]] == ["0"]


async def test_everything_belongs_to_somebody_and_to_one_only(log: Log) -> None:
    members = [log.join(name) for name in ("one", "two", "three")]
    for each in members:
        await each.owned()
    for each in members[:-1]:
        await each.leave()
    assert await log.join("three").owned() == frozenset(range(SHARDS))


async def test_who_leaves_gives_everything_back(log: Log) -> None:
    one = log.join("one")
    await one.owned()
    await one.leave()
    assert await log.join("two").owned() == frozenset(range(SHARDS))


async def test_everybody_keeps_their_order_and_nobody_is_doubled(log: Log) -> None:
    people = [f"customer:{n}" for n in range(8)]
    for number in range(24):
        await log.write(people[number % 8], str(number))
    reader = log.join("one")
    found = await reader.read(dict.fromkeys(range(SHARDS), 0), 99, 10)
    by_subject: dict[str, list[int]] = {}
    for shard, records in found.items():
        for each in records:
            assert log.shard(each.subject) == shard
            by_subject.setdefault(each.subject, []).append(int(each.id))
    assert by_subject == {f"customer:{n}": [n, n + 8, n + 16] for n in range(8)}


async def test_it_says_when_it_took_a_record(log: Log) -> None:
    before_ms = time.time_ns() // 1_000_000
    await log.write("customer:a", "0")
    after_ms = time.time_ns() // 1_000_000
    (record,) = (await log.join("one").read({log.shard("customer:a"): 0}, 9, 10))[log.shard("customer:a")]
    assert before_ms - CLOCK_MS <= record.at_ms <= after_ms + CLOCK_MS


async def test_two_share_it_and_each_part_is_read_by_its_owner(log: Log) -> None:
    one, two = log.join("one"), log.join("two")
    await one.owned()
    mine, yours = await two.owned(), await log.join("one").owned()
    assert mine | yours == frozenset(range(SHARDS))
    assert not mine & yours


async def test_who_comes_after_a_crash_reads_the_same_again(log: Log) -> None:
    shard = log.shard("customer:a")
    for number in range(4):
        await log.write("customer:a", str(number))
    first = (await log.join("one").read({shard: 0}, 3, 10))[shard]
    again = (await log.join("two").read({shard: first[0].offset}, 9, 10))[shard]
    assert again[:2] == first[1:]
    assert [each.id for each in again] == ["1", "2", "3"]
