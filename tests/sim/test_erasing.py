"""Erasures among everything else that may go wrong: seeded runs of production code on a real Redis."""

import logging
import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from app.erasing import Erasing
from consumers.erasing import Erasures
from profiles import keys
from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from profiles.store import CustomerStore, Record
from tests.sim import real
from tests.sim.hostile import Crash
from tests.sim.real import PEOPLE, Silent

SEEDS = int(os.environ.get("OPP_SIM_ERASING_SEEDS", "40"))


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    logging.disable(logging.WARNING)
    async with connected(redis_url, retries=0) as client:
        yield client
    logging.disable(logging.NOTSET)


class WithErasures(real.Run):
    """Somebody asks for erasures; two finish them, each believing that all shards are its own. All shards fail over to
    the same moment: who was erased in one shard only would be remembered in another. Less is said, and few are linked:
    what is sent again right after an erasure may still bring a summary or a stage of the old life with it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.alone, self.busy, self.link_share, self.linking = False, (), 0.1, range(real.TURNS)

    def _linked(self, one: dict[str, Any]) -> Record:
        """Nobody links by hand: an owner who is erased before she has heard of such a link tells nobody."""
        self._links.clear()
        return super()._linked(one)

    def actors(self) -> dict[str, real.Actor]:
        return {**super().actors(), "eraser": self._erase, "finisher": self._finish, "other finisher": self._finish}

    async def _erase(self, name: str) -> None:
        while True:
            for _ in range(self.chance.randint(1, 2)):
                await self.wires[name].turn()
            erasing = Erasing(self.stores[name], Registry(self.redis), wait_s=0)
            with suppress(Crash, StoreUnavailable):
                await erasing.erase(self.chance.choice(PEOPLE), datetime.now(UTC))

    async def _finish(self, name: str) -> None:
        finishing = self._finishing(self.stores[name])
        while True:
            await self.wires[name].turn()
            with suppress(Crash, StoreUnavailable):
                await finishing.finish_waiting()

    def _finishing(self, store: CustomerStore) -> Erasures:
        return Erasures(store, Registry(self.redis), lambda: frozenset(range(self.shards)), Silent())

    async def quiet(self) -> None:
        await super().quiet()
        finishing = self._finishing(await CustomerStore.open(self.redis, self.shards))
        while await finishing.finish_waiting():
            pass


async def wrong(redis: Redis) -> list[str]:
    """As without erasures: the log is rid of the old lives, so the rest makes the profiles. What was counted stays
    counted, two lives may have had the same timer, what was said of who is who is forgotten (and so which visits were
    whose), and somebody may be on a call list, in a stage or have a message for what an erased visitor of theirs did.
    Of whom nothing is left in log and ledger, nothing is left but perhaps a mark that expires."""
    requests = [each.id for each in await real.logged(redis, real.MOST_SHARDS) if each.body.startswith(b'{"receipt"')]
    if requests:
        return [f"still asked for in the log: {each}" for each in requests]
    excepted = re.compile(
        r"scorecard: |visits: |timers: .* fired|identities: .* has not heard|people: |judging: "
        r"|.* on the call list are|.* decisions for .* purchases|.*: messages for|customer:.*: stages"
    )
    found = [each for each in await real.wrong(redis, failovers=True) if not excepted.match(each)]
    for shard in range(real.MOST_SHARDS):
        found += [f"not finished: {each!r}" for each in await redis.hkeys(keys.erasing(shard))]
    store = await CustomerStore.open(redis, real.MOST_SHARDS)
    living = {each.subject for each in await real.logged(redis, real.MOST_SHARDS)}
    living |= {each for each in PEOPLE if (await store.read(each)).ledger.entries}
    there: Any = await redis.keys("{s*")
    names = [str(each) for each in there if not await _is_a_mark(redis, each)]
    return found + [f"a trace of {who}: {name}" for who in PEOPLE if who not in living for name in names if who in name]


async def _is_a_mark(redis: Redis, name: bytes) -> bool:
    """Of somebody who was told to forget and has nothing else: how far the log was followed, for a day."""
    if not name.partition(b"}")[2].startswith(b"p:") or await redis.pttl(name) <= 0:
        return False
    found = await redis.hgetall(name)
    return found.keys() == {b"version", b"profile"} and orjson.loads(found[b"profile"]).keys() == {"marks"}


async def pending(redis: Redis) -> list[str]:
    """Receipts that are not done, though all is calm."""
    receipts = Registry(redis)
    erasing = Erasing(await CustomerStore.open(redis, real.MOST_SHARDS), receipts)
    found = {name: await erasing.receipt(name) for name in await receipts.all("erasures")}
    return [f"pending: {name}" for name, receipt in found.items() if receipt is None or receipt.state != "done"]


async def test_erasures_under_hostile_turns(redis: Redis) -> None:
    first, erased = int(os.environ.get("OPP_SIM_ERASING_FIRST", secrets.randbelow(10**8))), 0
    for seed in range(first, first + SEEDS):
        await redis.delete("opportune:erasures")
        trace: list[str] = []
        run = await real.prepared(redis, seed, trace, kind=WithErasures)
        await run.hostile()
        await run.quiet()
        # a failover takes back what was asked for, and not the receipts, which no shard holds
        found = await wrong(redis) + ([] if run.failovers else await pending(redis))
        assert not found, "\n".join([f"seed {seed}", *trace[-60:], *found])
        erased += len(await redis.hkeys("opportune:erasures"))
    assert erased > SEEDS, "hardly anybody was erased"
