"""Visits of several identifiers that begin and end in the same milliseconds, some of them heard of long afterwards."""

import os
import secrets
from typing import Any

import pytest
from redis.asyncio import Redis

from profiles.store import Record
from tests.builders import DAY, MINUTE, NOON_MS, interaction, purchase
from tests.sim import real
from tests.sim.real import PEOPLE
from tests.sim.test_visits import redis

__all__ = ["redis"]
SEEDS = int(os.environ.get("OPP_SIM_MOMENT_SEEDS", "30"))
MOMENTS = (NOON_MS, NOON_MS, NOON_MS - 2 * DAY, NOON_MS - 2 * DAY, NOON_MS - DAY)

pytestmark = pytest.mark.anyio


class SameMoment(real.Run):
    """Five of six interactions happen at one of three moments."""

    def _said(self) -> Record:
        self._numbers += 1
        self.clock_ms += self.chance.choice((0, 0, MINUTE, 20 * MINUTE))
        luck, subject = self.chance.random(), self.chance.choice(PEOPLE)
        if self.sent and luck < 0.1:
            return self.chance.choice(self.sent[-6:])
        at_ms = self.chance.choice((*MOMENTS, self.clock_ms))
        one: dict[str, Any] = {"at_ms": at_ms, "id": f"i-{self._numbers}", "subject": subject}
        if luck < 0.15:
            return real.said(interaction("logout", **one))
        if luck < 0.25:
            stronger, weaker = sorted(self.chance.sample(range(len(PEOPLE)), 2))
            return real.said(interaction(**{**one, "subject": PEOPLE[stronger], "links": (PEOPLE[weaker],)}))
        return real.said(purchase(float(self._numbers), **one) if luck < 0.5 else interaction(**one))


async def test_visits_of_the_same_moment_are_told_apart(redis: Redis) -> None:
    first = int(os.environ.get("OPP_SIM_MOMENT_FIRST", secrets.randbelow(10**8)))
    for seed in range(first, first + SEEDS):
        run = await real.prepared(redis, seed, kind=SameMoment)
        await run.hostile()
        await run.quiet()
        found = await real.wrong(redis, run.failovers, lost=run.lost)
        assert not found, "\n".join([f"seed {seed}", *found])
