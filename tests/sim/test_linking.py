"""Links that requests make ahead of the log, among everything else that may go wrong: in the end the log has them all,
and nothing is kept ahead of it."""

import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.people import People
from profiles.store import Commit, Committed
from schemas.identity import kind_of
from tests.builders import interaction
from tests.sim import real
from tests.sim.hostile import Crash
from tests.sim.real import PEOPLE, POLICY

SEEDS = int(os.environ.get("OPP_SIM_LINKING_SEEDS", "30"))


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    logging.disable(logging.WARNING)
    async with connected(redis_url, retries=0) as client:
        yield client
    logging.disable(logging.NOTSET)


class WithLinks(real.Run):
    """Two APIs that are asked about several names at once; as a decision does, they tell everybody first."""

    linked = 0

    def actors(self) -> dict[str, real.Actor]:
        return {**super().actors(), "linker": self._link, "other linker": self._link}

    async def _link(self, name: str) -> None:
        while True:
            await self.wires[name].turn()
            sample = sorted(self.chance.sample(range(len(PEOPLE)), self.chance.randint(1, 3)))
            named = tuple({kind_of(PEOPLE[at]): PEOPLE[at] for at in sample}.values())  # as a request: one of each kind
            self._numbers += 1
            event_id = f"l-{self._numbers}"
            with suppress(Crash, StoreUnavailable):
                while not await self._told(name, named, event_id):
                    pass

    async def _told(self, name: str, named: tuple[str, ...], event_id: str) -> bool:
        """False if somebody changed meanwhile."""
        people, (subject, *links) = People(self.stores[name]), named
        person = await people.read(named, POLICY.definition)
        if not await people.tell(person, self.clock_ms):
            return False
        event = real.said(interaction(at_ms=self.clock_ms, id=event_id, subject=subject, links=tuple(links)))
        commit = Commit(subject, person.named.version, records=[event], links=person.links())
        done = await self.stores[name].commit(commit) is Committed.OK
        self.linked += done
        return done


async def ahead(redis: Redis) -> list[str]:
    names = await redis.keys("{s*}p:*")
    found = {name: await redis.hget(name, "linking") for name in names}
    return [f"ahead of the log: {name!r}: {linking!r}" for name, linking in found.items() if linking]


async def test_links_under_hostile_turns(redis: Redis) -> None:
    first, linked = int(os.environ.get("OPP_SIM_LINKING_FIRST", secrets.randbelow(10**8))), 0
    for seed in range(first, first + SEEDS):
        trace: list[str] = []
        run = await real.prepared(redis, seed, trace, kind=WithLinks)
        await run.hostile()
        await run.quiet()
        found = await ahead(redis) + await real.wrong(redis, run.failovers, lost=run.lost)
        assert not found, "\n".join([f"seed {seed}", *trace[-60:], *found])
        linked += run.linked if isinstance(run, WithLinks) else 0
    assert linked > SEEDS, "hardly anybody was linked"
