"""Shards that share their round trips: how many there are, and that what befalls one does not befall the others."""

from typing import Any

import pytest
from redis.asyncio import Redis

from consumers.folding import ProfileFold
from consumers.guarded_batch import GuardedBatch
from consumers.log import LogRecord
from consumers.loop import (
    BEHIND_ROUND_S,
    MOST_OPEN,
    MOST_RECORDS,
    SHORTEST_ROUND_S,
    GuardedLoop,
    shortest_round_s,
)
from consumers.redis_streams import RedisStreams
from consumers.together import MOST_TOGETHER, groups
from profiles import keys
from profiles.connection import connect
from profiles.store import CustomerStore
from profiles.trip import Trip
from tests.builders import live, purchase
from tests.consumers.conftest import SHARDS, Counted, MakeWorker
from tests.consumers.test_loop import drained, said, spend

PEOPLE = [f"customer:{number}" for number in range(40)]


def some(records: int, at_ms: int = 0) -> list[LogRecord]:
    offsets = range(1, records + 1)
    return [LogRecord("interactions", offset, at_ms, str(offset), PEOPLE[0], b"{}") for offset in offsets]


def batch(store: CustomerStore, shard: int, records: int) -> GuardedBatch:
    return GuardedBatch(store, shard, some(records))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1], [[1]]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([200, 1], [[200], [1]]),
        ([199, 1, 1], [[199, 1], [1]]),
        ([1, 400, 400, 3], [[1, 400], [400], [3]]),
    ],
)
async def test_groups_are_closed_when_they_have_enough(
    store: CustomerStore, sizes: list[int], expected: list[list[int]]
) -> None:
    batches = [batch(store, shard, size) for shard, size in enumerate(sizes)]
    found = groups(batches)
    assert [[len(each.records) for each in group] for group in found] == expected
    assert [each.number for group in found for each in group] == list(range(len(sizes)))


@pytest.mark.parametrize(
    ("portions", "expected"),
    [
        ([], SHORTEST_ROUND_S),
        ([some(1, at_ms=9_990)], SHORTEST_ROUND_S),
        ([some(1, at_ms=9_990), some(3, at_ms=1_000)], BEHIND_ROUND_S),
        ([some(1, at_ms=1_000), some(MOST_RECORDS, at_ms=1_000)], 0.0),
    ],
)
def test_who_is_behind_gathers_and_who_has_much_to_do_goes_on(portions: list[list[LogRecord]], expected: float) -> None:
    assert shortest_round_s(portions, now_s=10.0) == expected


async def test_shards_with_few_records_cost_as_many_round_trips_as_one(
    store: CustomerStore, worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, sent, send = worker(), [], Trip.send
    await drained(loop)

    async def counted(self: Trip, commands: Any) -> None:
        several = list(commands)
        sent.append([each[0] for each in several])
        await send(self, several)

    monkeypatch.setattr(Trip, "send", counted)
    await store.append(said(purchase(1, subject=each)) for each in PEOPLE)
    await loop.step()
    begins, commits = (each for each in sent if each[0] == "EVALSHA")
    assert (len(begins), len(commits)) == (SHARDS, len(PEOPLE) + SHARDS)


async def test_a_shard_that_was_lost_does_not_hold_those_that_share_its_trips(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    loop = worker()
    await drained(loop)
    lost = store.shard(PEOPLE[0])
    await redis.hset(keys.guard(lost), "nonce", "another owner's")
    await store.append(said(purchase(1, subject=each)) for each in PEOPLE)
    await loop.step()
    assert meter.counts["worker_fences"] == 1
    assert {each: await spend(store, each) for each in PEOPLE} == {
        each: float(store.shard(each) != lost) for each in PEOPLE
    }
    await drained(loop)
    assert [await spend(store, each) for each in PEOPLE] == [1.0] * len(PEOPLE)


async def test_who_is_fenced_between_begin_and_end_moves_no_position(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    """Another owner takes one shard when all of the group have begun; the commits of that shard change nothing."""
    loop = worker()
    await drained(loop)
    await store.append(said(purchase(1, subject=each)) for each in PEOPLE)
    lost = store.shard(PEOPLE[0])
    await _with_an_owner_between(loop, redis, lost)
    assert [await spend(store, each) for each in PEOPLE if store.shard(each) == lost] == [0.0] * sum(
        store.shard(each) == lost for each in PEOPLE
    )
    await drained(loop)
    assert [await spend(store, each) for each in PEOPLE] == [1.0] * len(PEOPLE)


async def _with_an_owner_between(loop: GuardedLoop, redis: Redis, shard: int) -> None:
    apply = loop._apply

    async def taken_over(several: Any, fold: Any) -> None:
        refused = several.refused

        async def after_begin() -> list[GuardedBatch]:
            found: list[GuardedBatch] = await refused()
            await redis.hset(keys.guard(shard), "nonce", "another owner's")
            return found

        several.refused = after_begin
        await apply(several, fold)

    loop._apply = taken_over  # type: ignore[method-assign]
    try:
        await loop.step()
    finally:
        loop._apply = apply  # type: ignore[method-assign]


async def test_a_backlog_on_more_shards_than_there_are_connections_is_folded_in_one_round(
    redis_url: str, meter: Counted
) -> None:
    shards = MOST_OPEN + 12
    redis = connect(redis_url, connections_max=MOST_OPEN + 6, retries=0)
    try:
        store = await CustomerStore.open(redis, shards)
        one_of = {store.shard(each): each for each in (f"customer:{number}" for number in range(20 * shards))}
        for each in one_of.values():
            await store.append(said(purchase(1, subject=each, id=str(number))) for number in range(MOST_TOGETHER))
        fold = ProfileFold(live(), meter)
        await GuardedLoop(store, RedisStreams(redis, shards, "one"), lambda: fold, meter, 1_000, wait_ms=20).step()
        assert meter.counts["worker_folded"] == len(one_of) * MOST_TOGETHER
        assert len(one_of) == shards
    finally:
        await redis.aclose()
