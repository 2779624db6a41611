"""What every `EventLog` promises. Redis Streams today; whatever comes beside it passes the same suite."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from consumers.log import EventLog
from consumers.redis_streams import RedisStreams
from profiles.connection import connected
from profiles.store import CustomerStore, Record

SHARDS = 4


@dataclass
class Log:
    """A log, and a way to write into it."""

    join: Callable[[str], EventLog]
    write: Callable[[str, str], Awaitable[None]]
    """(subject, id)"""
    shard: Callable[[str], int]


@pytest.fixture(params=["redis streams"])
async def log(redis_url: str) -> AsyncIterator[Log]:
    async with connected(redis_url) as redis:
        store = await CustomerStore.open(redis, SHARDS)

        async def write(subject: str, identifier: str) -> None:
            await store.append([Record("interactions", identifier, subject, identifier.encode())])

        yield Log(lambda name: RedisStreams(redis, SHARDS, name), write, store.shard)


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
