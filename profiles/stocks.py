"""Inventories and budgets over all customers: a pool for each supply, and what each shard has drawn from it.

A decision takes from its own shard, in its own commit (profiles/holds.py): nobody waits for a key that all need, unless
the shard is dry. Then it draws: the pool counts up what it has granted to the shard, and the shard takes over that
count. Either half may be repeated, and whoever comes next completes what a crash has left half done. Where the pool is
empty, what other shards have left is called back first, so that the last unit is given out wherever it lies.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from profiles import keys
from profiles.scripts import Scripts
from profiles.shelf import Count, Shelf
from schemas.supplies import Supply

PARTS = 2
"""A shard draws what is left in the pool, divided by so many times the number of shards, or what it needs."""
GONE_S = 0.25
"""How long nobody looks again for what was nowhere: a sold-out offer must not send every decision to the pool."""
MOST_TRIES = 3
"""A grant that another process has drawn meanwhile is taken over first."""


@dataclass(frozen=True, slots=True)
class Need:
    """How much must be left in a shard: for the cheapest of what was refused, and for all of it."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Pool:
    total: int
    out: int
    """What the shards have."""
    shards: Mapping[int, tuple[int, int]]
    """Granted to and returned by each, as the pool knows it."""

    @property
    def lacks(self) -> bool:
        """Whether it has granted more than it has."""
        return self.out > self.total


class Stocks:
    def __init__(self, scripts: Scripts, shards: int) -> None:
        self._scripts = scripts
        self._shards = shards
        self._gone: dict[str, tuple[float, int]] = {}
        """Until when, and from which need on, a supply is known to be exhausted."""
        self._locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
        self._adopted = ""

    async def read(self, shard: int, shelf: Shelf) -> dict[str, Count]:
        """Raises StoreUnavailable, as all of this does."""
        return (await self.read_each([shard], shelf))[0]

    async def read_each(self, shards: Iterable[int], shelf: Shelf) -> list[dict[str, Count]]:
        batch = self._scripts.batch()
        for shard in shards:
            shelf.add_read(batch, shard)
        return [shelf.counted(answer) for answer in await batch.run()]

    async def pools(self, supplies: Iterable[str]) -> list[Pool]:
        batch = self._scripts.batch()
        for name in supplies:
            batch.add("HGETALL", keys.pool(name))
        return [_pool(answer) for answer in await batch.run()]

    async def adopt(self, shelf: Shelf) -> None:
        """Makes pools of what a policy says, once for each revision that this process takes over. Where a pool has
        given out more than there is now, all shards are closed, until they have returned enough."""
        if shelf.revision == self._adopted:
            return
        async with self._lock(-1, ""):
            if shelf.revision == self._adopted:
                return
            batch = self._scripts.batch()
            for each in shelf.supplies.values():
                batch.add("HSET", keys.pool(each.id), "total", each.total)
            await batch.run()
            for supply, pool in zip(shelf.supplies.values(), await self.pools(shelf.supplies), strict=True):
                if pool.lacks:
                    await self._call_back(supply, pool)
            self._adopted = shelf.revision

    async def draw(self, shard: int, needed: Mapping[str, Need], shelf: Shelf) -> bool:
        """Whether there is now enough for the least of any of it."""
        found = [await self._draw(shard, shelf.supplies[name], need) for name, need in needed.items()]
        return any(found)

    async def settle(self, shard: int, supply: Supply, count: Count) -> None:
        """Makes both sides of a shard's transfers agree; what the shard owes is drawn."""
        await self._transfer(shard, supply, count, Need(0 if count.owed else count.left, 0))

    async def _draw(self, shard: int, supply: Supply, need: Need) -> bool:
        if self._is_gone(supply.id, need):
            return False
        async with self._lock(shard, supply.id):
            if self._is_gone(supply.id, need):
                return False
            if await self._has(shard, supply, need):
                return True
            async with self._lock(-1, supply.id):
                if self._is_gone(supply.id, need):
                    return False
                (pool,) = await self.pools([supply.id])
                await self._call_back(supply, pool)
                if await self._has(shard, supply, need):
                    return True
                self._gone[supply.id] = time.monotonic() + GONE_S, need.least
                return False

    async def _has(self, shard: int, supply: Supply, need: Need) -> bool:
        """Whether the shard has enough, or gets it from the pool."""
        for _ in range(MOST_TRIES):
            count = await self._count(shard, supply)
            if count.left >= need.least:
                return True
            if not await self._transfer(shard, supply, count, need):
                return False
        return (await self._count(shard, supply)).left >= need.least

    async def _transfer(self, shard: int, supply: Supply, count: Count, need: Need) -> bool:
        """Whether the shard has got anything. Two steps: the pool grants, the shard takes over."""
        granted = await self.grant(shard, supply, count, need)
        await self.take_over(shard, supply.id, granted)
        return granted[0] > count.granted

    async def grant(self, shard: int, supply: Supply, count: Count, need: Need) -> tuple[int, int, int]:
        """What the pool has granted to the shard in all, and got back from it, after it has granted what is needed; and
        1 if it has granted more than it has, in all."""
        least, most = max(0, need.least - count.left), max(0, need.most - count.left)
        asked = (shard, count.granted, count.returned, least, most, PARTS * self._shards, supply.total)
        batch = self._scripts.batch()
        batch.call("grant", [keys.pool(supply.id)], asked)
        ((granted, returned, left),) = await batch.run()
        return int(granted), int(returned), int(int(left) < 0)

    async def take_over(self, shard: int, supply: str, granted: tuple[int, int, int]) -> None:
        batch = self._scripts.batch()
        batch.call("granted", [keys.stock(shard), keys.held(shard)], [supply, *granted])
        await batch.run()

    async def _call_back(self, supply: Supply, pool: Pool) -> None:
        """What all shards have left. Two steps again: they return, the pool takes over."""
        holders = [shard for shard, (granted, returned) in pool.shards.items() if granted > returned]
        batch = self._scripts.batch()
        for shard in holders:
            where = [keys.stock(shard), keys.held(shard)]
            batch.call("granted", where, [supply.id, *pool.shards[shard], int(pool.lacks)])
            batch.call("return", where, [supply.id])
        answers = (await batch.run())[1::2]
        batch = self._scripts.batch()
        for shard, (granted, returned) in zip(holders, answers, strict=True):
            asked = (shard, int(granted), int(returned), 0, 0, 1, supply.total)
            batch.call("grant", [keys.pool(supply.id)], asked)
        await batch.run()

    async def _count(self, shard: int, supply: Supply) -> Count:
        return (await self.read(shard, Shelf.having("", {supply.id: supply})))[supply.id]

    def _is_gone(self, supply: str, need: Need) -> bool:
        until, least = self._gone.get(supply, (0.0, 0))
        return time.monotonic() < until and need.least >= least

    def _lock(self, shard: int, supply: str) -> asyncio.Lock:
        return self._locks.setdefault((shard, supply), asyncio.Lock())


def _pool(answer: Mapping[bytes, bytes]) -> Pool:
    found = {name.decode(): int(value) for name, value in answer.items()}
    shards = sorted(int(name.partition(":")[2]) for name in found if name.startswith("granted:"))
    counts = {shard: (found[f"granted:{shard}"], found[f"returned:{shard}"]) for shard in shards}
    return Pool(found.get("total", 0), found.get("out", 0), counts)
