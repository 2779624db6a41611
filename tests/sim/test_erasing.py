"""Erasures among everything else that may go wrong: seeded runs of production code on a real Redis."""

import logging
import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from app.erasing import Erasing
from consumers.erasing import Erasures
from profiles import keys
from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from profiles.store import CustomerStore
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
    """Somebody asks for erasures; two finish them, each believing that all shards are its own."""

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
        await self._finishing(await CustomerStore.open(self.redis, self.shards)).finish_waiting()


async def wrong(redis: Redis) -> list[str]:
    """As without erasures: the log is rid of the old lives, so the rest makes the profiles. What was counted stays
    counted, two lives may have had the same timer, what was said of who is who is forgotten
    (and so which visits were whose), and somebody may be on a
    call list for what an erased visitor of theirs did. Of whom nothing is left in log and ledger, nothing is left."""
    requests = [each.id for each in await real.logged(redis, real.MOST_SHARDS) if each.body.startswith(b'{"receipt"')]
    if requests:
        return [f"still asked for in the log: {each}" for each in requests]
    excepted = re.compile(r"scorecard: |visits: |timers: .* fired|identities: .* has not heard|.* on the call list are")
    found = [each for each in await real.wrong(redis, failovers=True) if not excepted.match(each)]
    for shard in range(real.MOST_SHARDS):
        found += [f"not finished: {each!r}" for each in await redis.hkeys(keys.erasing(shard))]
    store = await CustomerStore.open(redis, real.MOST_SHARDS)
    living = {each.subject for each in await real.logged(redis, real.MOST_SHARDS)}
    living |= {each for each in PEOPLE if (await store.read(each)).ledger.entries}
    names = [str(each) for each in await redis.keys("{s*")]
    return found + [f"a trace of {who}: {name}" for who in PEOPLE if who not in living for name in names if who in name]


async def test_erasures_under_hostile_turns(redis: Redis) -> None:
    first, erased = int(os.environ.get("OPP_SIM_ERASING_FIRST", secrets.randbelow(10**8))), 0
    for seed in range(first, first + SEEDS):
        await redis.delete("opportune:erasures")
        trace: list[str] = []
        run = await real.prepared(redis, seed, trace, kind=WithErasures)
        await run.hostile()
        await run.quiet()
        found = await wrong(redis)
        assert not found, "\n".join([f"seed {seed}", *trace[-60:], *found])
        erased += len(await redis.hkeys("opportune:erasures"))
    assert erased > SEEDS, "hardly anybody was erased"
