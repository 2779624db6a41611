"""Visits in which people log in, under everything else that may go wrong: seeded runs of production code on Redis."""

import logging
import os
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from profiles import keys
from profiles.connection import connected
from profiles.store import Record
from schemas.interaction import SESSION_ENDED
from tests.builders import MINUTE, interaction, purchase
from tests.sim import real, visits
from tests.sim.real import PEOPLE

SEEDS = int(os.environ.get("OPP_SIM_VISITS_SEEDS", "60"))


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    logging.disable(logging.WARNING)
    async with connected(redis_url, retries=0) as client:
        yield client
    logging.disable(logging.NOTSET)


class Logins(real.Run):
    """Much is said within the same few visits, and every fourth time somebody names another identifier of theirs."""

    def actors(self) -> dict[str, real.Actor]:
        return {**super().actors(), **dict.fromkeys(("web", "app", "desk", "shop", "branch"), self._produce)}

    def _said(self) -> Record:
        self._numbers += 1
        self.clock_ms += self.chance.choice((0, 0, 0, MINUTE, MINUTE, MINUTE, 2 * MINUTE, 16 * MINUTE))
        luck, subject = self.chance.random(), self.chance.choice(PEOPLE)
        if self.sent and luck < 0.1:
            return self.chance.choice(self.sent[-6:])
        late_ms = self.chance.choice((0, 0, 0, 0, MINUTE, MINUTE, 40 * MINUTE))
        late_ms += 125 * self.chance.randrange(80)  # seconds that add up exactly
        one: dict[str, Any] = {"at_ms": self.clock_ms - late_ms, "id": f"i-{self._numbers}", "subject": subject}
        if luck < 0.15:
            return real.said(interaction("logout", **one))
        if luck < 0.4:
            stronger, weaker = sorted(self.chance.sample(range(len(PEOPLE)), 2))
            return real.said(interaction(**{**one, "subject": PEOPLE[stronger], "links": (PEOPLE[weaker],)}))
        return real.said(purchase(float(self._numbers), **one) if luck < 0.5 else interaction(**one))


async def found_wrong(redis: Redis, seed: int) -> tuple[real.Run, list[str]]:
    """With what happened last, where anything is wrong."""
    trace: list[str] = []
    run = await real.prepared(redis, seed, trace, kind=Logins)
    await run.hostile()
    await run.quiet()
    found = await real.wrong(redis, run.failovers, lost=run.lost)
    if run.shards == 1 or not run.alone:
        found += await visits.unsaid(redis, run.shards)
    return run, [f"seed {seed}", *trace[-60:], *found] if found else []


async def test_visits_of_people_who_log_in_are_summed_up_once(redis: Redis) -> None:
    first, summed_up = int(os.environ.get("OPP_SIM_VISITS_FIRST", secrets.randbelow(10**8))), 0
    for seed in range(first, first + SEEDS):
        run, wrong = await found_wrong(redis, seed)
        assert not wrong, "\n".join(wrong)
        for shard in range(run.shards):
            log: Any = await redis.xrange(keys.outbox(shard))
            summed_up += sum(SESSION_ENDED.encode() in fields[b"body"] for _, fields in log)
    assert summed_up > SEEDS, "hardly any visit has ended"
