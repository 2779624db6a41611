"""The pool and the shards: no transfer that dies half-way loses or makes a unit, no interleaving gives out too many."""

import random
import secrets
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from profiles import keys
from profiles.connection import connected
from profiles.holds import Act, Move
from profiles.shelf import Count, Shelf
from profiles.stocks import Need, Stocks
from profiles.store import Commit, Committed, CustomerStore
from schemas.supplies import Supply

SHARDS, TOTAL = 4, 100
MUG = "offer:mug"
SUPPLY = Supply(MUG, TOTAL, 1, 1)
SHELF = Shelf.having("one", {MUG: SUPPLY})
ONE = Need(1, 1)
LATER_MS = 9_999_999_999_999
ROUNDS, STEPS = 6, 120


@pytest.fixture
async def redis(any_redis_url: str) -> AsyncIterator[Redis]:
    async with connected(any_redis_url) as client:
        yield client


@pytest.fixture
async def store(redis: Redis) -> CustomerStore:
    store = await CustomerStore.open(redis, SHARDS)
    await store.stocks.adopt(SHELF)
    return store


async def count(store: CustomerStore, shard: int) -> Count:
    return (await store.stocks.read(shard, SHELF))[MUG]


async def adds_up(store: CustomerStore, total: int = TOTAL) -> None:
    """Once both sides of all transfers agree."""
    counts = [await count(store, shard) for shard in range(SHARDS)]
    (pool,) = await store.stocks.pools([MUG])
    assert pool.total - pool.out + sum(each.granted - each.returned for each in counts) == total
    assert all(each.held + each.used <= each.granted - each.returned for each in counts)


def somebody_of(store: CustomerStore, shard: int) -> str:
    return next(name for n in range(1_000) if store.shard(name := f"customer:{n}") == shard)


async def move(store: CustomerStore, shard: int, *moves: Move) -> Committed:
    """In a commit of somebody of the shard."""
    return await store.commit(Commit(somebody_of(store, shard), expected=None, moves=moves))


async def test_a_shard_draws_a_part_of_the_pool(store: CustomerStore) -> None:
    assert await store.stocks.draw(0, {MUG: ONE}, SHELF)
    assert (await count(store, 0)).left == TOTAL // (2 * SHARDS)
    await adds_up(store)


async def test_a_grant_that_was_not_taken_over_is_completed_by_who_comes_next(store: CustomerStore) -> None:
    granted = await store.stocks.grant(1, SUPPLY, Count(), ONE)
    assert (await count(store, 1)).granted == 0, "the process died here"
    again = await store.stocks.grant(1, SUPPLY, Count(), ONE)
    assert again == granted, "nothing is added to it"
    assert await store.stocks.draw(1, {MUG: ONE}, SHELF)
    assert (await count(store, 1)).granted == granted[0]
    await store.stocks.take_over(1, MUG, granted)
    assert (await count(store, 1)).granted == granted[0], "taken over twice is taken over once"
    await adds_up(store)


async def test_what_was_returned_and_not_taken_back_is_not_lost(store: CustomerStore) -> None:
    await store.stocks.draw(2, {MUG: ONE}, SHELF)
    batch = store.scripts.batch()
    batch.call("return", [keys.stock(2), keys.held(2)], [MUG])
    await batch.run()
    (pool,) = await store.stocks.pools([MUG])
    assert pool.shards[2][1] == 0, "the process died here"
    assert await store.stocks.draw(2, {MUG: ONE}, SHELF)
    await adds_up(store)


async def test_a_grant_that_was_left_half_done_is_found_by_another_shard(store: CustomerStore) -> None:
    """All hundred: some of them are on their way to a shard in which nobody asks."""
    await store.stocks.grant(3, SUPPLY, Count(), Need(40, 40))
    got = 0
    while await store.stocks.draw(0, {MUG: ONE}, SHELF):
        assert await move(store, 0, Move(Act.HOLD, f"code{got}", MUG, 1, LATER_MS)) is Committed.OK
        got += 1
    assert got == TOTAL
    await adds_up(store)


async def test_a_commit_that_finds_too_little_changes_nothing(store: CustomerStore, redis: Redis) -> None:
    await store.stocks.draw(0, {MUG: ONE}, SHELF)
    left = (await count(store, 0)).left
    two = [Move(Act.HOLD, "a", MUG, left, LATER_MS), Move(Act.HOLD, "b", MUG, 1, LATER_MS)]
    assert await move(store, 0, *two) is Committed.SHORT
    assert await move(store, 0, two[0]) is Committed.OK
    assert await redis.zcard(keys.held(0)) == 1
    assert (await count(store, 0)).left == 0


@pytest.mark.parametrize("loses", ["pool", "shard"])
async def test_a_side_that_loses_its_latest_writes_is_told_by_the_other(
    store: CustomerStore, redis: Redis, loses: str
) -> None:
    """A failover of one node of a cluster. What the shard had granted itself of it, it has lost as well."""
    name = keys.pool(MUG) if loses == "pool" else keys.stock(0)
    await store.stocks.draw(0, {MUG: Need(20, 20)}, SHELF)
    before = await redis.dump(name)
    await store.stocks.draw(0, {MUG: Need(60, 60)}, SHELF)
    if loses == "shard":
        await store.stocks.draw(1, {MUG: Need(80, 80)}, SHELF)  # calls back what 0 has
    assert before is not None
    await redis.restore(name, 0, before, replace=True)
    await store.stocks.settle(0, SUPPLY, await count(store, 0))
    await adds_up(store)


async def test_what_is_held_ends_by_itself_in_the_next_reservation(store: CustomerStore) -> None:
    await store.stocks.draw(0, {MUG: ONE}, SHELF)
    left = (await count(store, 0)).left
    soon_ms = int(time.time() * 1000) + 1
    assert await move(store, 0, Move(Act.HOLD, "a", MUG, left, soon_ms)) is Committed.OK
    while int(time.time() * 1000) <= soon_ms:
        pass
    assert await move(store, 0, Move(Act.HOLD, "b", MUG, left, LATER_MS)) is Committed.OK
    assert await move(store, 0, Move(Act.FREE, "a", MUG, left)) is Committed.OK, "which frees nothing twice"
    assert (await count(store, 0)).held == left


@pytest.mark.parametrize("number", range(ROUNDS))
async def test_any_interleaving_adds_up(store: CustomerStore, redis: Redis, number: int) -> None:
    """Draws that die after their first step, returns that do, decisions, answers and ends, in any order."""
    seed = secrets.randbelow(10**9) + number
    chance = random.Random(seed)
    processes = [store.stocks, *(Stocks(store.scripts, SHARDS) for _ in range(2))]
    world = World(store, redis, chance)
    for step in range(STEPS):
        shard = chance.randrange(SHARDS)
        await world.turn(chance.choice(processes), shard)
        counts = [await count(store, each) for each in range(SHARDS)]
        try:
            assert sum(each.held + each.used for each in counts) <= TOTAL
            assert all(each.held + each.used <= each.granted - each.returned for each in counts)
            assert all(each.owed == 0 for each in counts), "nothing came late"
        except AssertionError as error:
            error.add_note(f"seed {seed}, step {step}")
            raise
    for shard in range(SHARDS):
        await store.stocks.settle(shard, SUPPLY, await count(store, shard))
    await adds_up(store)
    used = sum([(await count(store, shard)).used for shard in range(SHARDS)])
    assert used == world.used, f"seed {seed}"


class World:
    def __init__(self, store: CustomerStore, redis: Redis, chance: random.Random) -> None:
        self._store = store
        self._redis = redis
        self._chance = chance
        self._codes: list[tuple[int, str]] = []
        self._made = 0
        self.used = 0

    async def turn(self, stocks: Stocks, shard: int) -> None:
        turns = (self._decide, self._decide, self._decide, self._die_drawing, self._die_returning, self._answer)
        await self._chance.choice((*turns, self._end))(stocks, shard)

    async def _decide(self, stocks: Stocks, shard: int) -> None:
        self._made += 1
        hold = Move(Act.HOLD, f"code{self._made}", MUG, 1, LATER_MS)
        if await stocks.draw(shard, {MUG: ONE}, SHELF) and await move(self._store, shard, hold) is Committed.OK:
            self._codes.append((shard, hold.code))

    async def _die_drawing(self, stocks: Stocks, shard: int) -> None:
        await stocks.grant(shard, SUPPLY, await count(self._store, shard), Need(5, 5))

    async def _die_returning(self, _: Stocks, shard: int) -> None:
        batch = self._store.scripts.batch()
        batch.call("return", [keys.stock(shard), keys.held(shard)], [MUG])
        await batch.run()

    async def _answer(self, _: Stocks, __: int) -> None:
        if self._codes:
            shard, code = self._codes.pop(self._chance.randrange(len(self._codes)))
            act = self._chance.choice([Act.USE, Act.FREE])
            assert await move(self._store, shard, Move(act, code, MUG, 1)) is Committed.OK
            self.used += act is Act.USE

    async def _end(self, _: Stocks, shard: int) -> None:
        for member in await self._redis.zrange(keys.held(shard), 0, 2):
            assert isinstance(member, bytes)
            code = member.decode().partition("|")[0]
            self._codes.remove((shard, code))
            await self._redis.zadd(keys.held(shard), {f"{code}|{MUG}|1": 1})
