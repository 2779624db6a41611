"""Reading actions: in order over all shards, behind a cursor, filtered, waited for; on a real Redis."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from app.actions import LATEST, Actions, Wanted
from app.errors import Invalid
from profiles import keys
from profiles.actions import PAGE, BadCursor, cursor_of, positions_of
from profiles.connection import connected
from profiles.store import CustomerStore
from schemas.action import Action, ActionPage, EventRef
from schemas.base import rfc3339
from tests.builders import HOUR

SHARDS = 8
ANY = Wanted()
NOW_MS = int(time.time() * 1000)


def action(number: int, **over: Any) -> Action:
    values: dict[str, Any] = {
        "id": f"a-{number}",
        "kind": "call_list",
        "rule": "r",
        "customer": f"c{number}",
        "list": "retention",
        "at": rfc3339(NOW_MS),
        "expires": rfc3339(NOW_MS + HOUR),
        "event": EventRef(source="s", id="e", type="t"),
        "policy": "p",
    }
    return Action(**{**values, **over})


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url) as client:
        yield client


@pytest.fixture
async def store(redis: Redis) -> CustomerStore:
    return await CustomerStore.open(redis, SHARDS)


@pytest.fixture
def actions(store: CustomerStore) -> Actions:
    return Actions(store)


async def take(redis: Redis, store: CustomerStore, *some: Action, at: str = "*") -> None:
    for each in some:
        key = keys.actions(store.shard(f"customer:{each.customer}"))
        await redis.xadd(key, {"body": each.model_dump_json(exclude_none=True)}, id=at)


def ids(page: ActionPage) -> list[str]:
    return [each.id for each in page.actions]


async def test_all_shards_are_read_in_order_and_none_twice(
    redis: Redis, store: CustomerStore, actions: Actions
) -> None:
    for number in range(100):
        await take(redis, store, action(number), at=f"{NOW_MS + number}-1")
    found, cursor, pages = [], None, 0
    while True:
        page = await actions.read(ANY, cursor, 7)
        found += ids(page)
        cursor, pages = page.cursor, pages + 1
        if not page.more:
            break
    assert found == [f"a-{number}" for number in range(100)]
    assert pages == 15
    assert await actions.read(ANY, cursor, 7) == ActionPage(actions=(), cursor=str(cursor), more=False)


async def test_what_a_shard_says_late_is_not_passed_over(redis: Redis, store: CustomerStore, actions: Actions) -> None:
    """The clocks of the nodes of a cluster differ: an entry may come behind a cursor that is ahead of its time."""
    await take(redis, store, action(1), at=f"{NOW_MS}-1")
    page = await actions.read(ANY, None, 10)
    late = next(action(n) for n in range(2, 50) if store.shard(f"customer:c{n}") != store.shard("customer:c1"))
    await take(redis, store, late, at=f"{NOW_MS - 5_000}-1")
    assert ids(await actions.read(ANY, page.cursor, 10)) == [late.id]


async def test_more_than_a_page_of_one_shard(redis: Redis, store: CustomerStore, actions: Actions) -> None:
    busy = action(1, customer="busy")
    other = next(action(n) for n in range(50) if store.shard(f"customer:c{n}") != store.shard("customer:busy"))
    for number in range(PAGE + 20):
        await take(redis, store, busy, at=f"{NOW_MS}-{number + 1}")
    await take(redis, store, other, at=f"{NOW_MS + 1}-1")
    first = await actions.read(ANY, None, 1_000)
    assert (len(first.actions), first.more) == (PAGE, True)
    second = await actions.read(ANY, first.cursor, 1_000)
    assert (ids(second)[-1], len(second.actions), second.more) == (other.id, 21, False)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(kind="nudge"), ["a-2"]),
        (Wanted(list="retention"), ["a-1"]),
        (Wanted(channel="email"), ["a-3"]),
        (Wanted(customer="c2"), ["a-2"]),
        (Wanted(kind="nudge", channel="email"), []),
        (ANY, ["a-1", "a-2", "a-3"]),
    ],
)
async def test_only_what_is_wanted(
    redis: Redis, store: CustomerStore, actions: Actions, wanted: Wanted, expected: list[str]
) -> None:
    nudge = action(2, kind="nudge", list=None, channel="web", placement="hero")
    message = action(3, kind="message", list=None, channel="email", placement="inbox", customer="c3")
    for at, each in enumerate((action(1), nudge, message)):
        await take(redis, store, each, at=f"{NOW_MS + at}-1")
    assert ids(await actions.read(wanted, None, 10)) == expected


async def test_what_has_expired_is_left_out(redis: Redis, store: CustomerStore, actions: Actions) -> None:
    await take(redis, store, action(1, expires=rfc3339(NOW_MS - 1)), action(2))
    page = await actions.read(ANY, None, 10)
    assert ids(page) == ["a-2"]
    assert ids(await actions.read(ANY, page.cursor, 10)) == []


async def test_from_now_on(redis: Redis, store: CustomerStore, actions: Actions) -> None:
    await take(redis, store, *(action(number) for number in range(20)))
    page = await actions.read(ANY, LATEST, 10)
    assert (ids(page), page.more) == ([], False)
    await take(redis, store, action(30))
    assert ids(await actions.read(ANY, page.cursor, 10)) == ["a-30"]


async def test_waiting_ends_with_the_first(redis: Redis, store: CustomerStore, actions: Actions) -> None:
    waiting = asyncio.create_task(actions.read(ANY, None, 10, wait_s=20))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await take(redis, store, action(1))
    started = time.monotonic()
    assert ids(await waiting) == ["a-1"]
    assert time.monotonic() - started < 10
    assert ids(await actions.read(ANY, LATEST, 10, wait_s=0.01)) == []


@pytest.mark.parametrize("cursor", ["x", "!!", secrets.token_urlsafe(20), cursor_of({1: (2**70, 1)}), "latestt"])
async def test_another_cursor_is_refused(actions: Actions, cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        await actions.read(ANY, cursor, 10)
    assert refused.value.problem.errors[0]["field"] == "after"


def test_a_cursor_holds_a_position_for_each_shard() -> None:
    positions = {shard: (NOW_MS + shard, shard) for shard in range(0, 9_999, 3)}
    assert positions_of(cursor_of(positions)) == positions
    assert positions_of(cursor_of({})) == {}
    assert len(cursor_of({shard: (NOW_MS + shard * 977, 0) for shard in range(16)})) < 250
    with pytest.raises(BadCursor):
        positions_of(cursor_of({-1: (1, 1)}))
