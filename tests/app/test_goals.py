"""Goals and printed codes through the parts that serve: decide, respond, buy, fold, and the scorecard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from app.decisioning import Decisioning
from app.errors import BadResponseCode, UnknownResponseCode
from app.metrics import Metrics
from app.responding import Responding
from app.scorecard import scorecard
from consumers.accepting import taken_in
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from profiles import keys
from profiles.connection import connected
from profiles.store import CustomerStore, Record
from rules.arbitration import NothingLearned
from schemas.base import at_ms
from schemas.decision import DecisionRecord, DecisionRequest
from schemas.interaction import CloudEvent
from schemas.response import ResponseReceipt, ResponseRecord, ResponseRequest
from schemas.scorecard import Scorecard
from tests.builders import CATALOGUE, SHOP, live

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BOUGHT = {"when": "purchase", "within": "20d", "outcome": "bought", "amount": "event.amount", "of": "presented"}
CELLS = [
    {"id": "letter", "share": 50, "offers": ["mug"], "code": "SPRING-A"},
    {"id": "control", "share": 50, "holdout": True},
]
SECTIONS: dict[str, Any] = {
    "outcomes": {**SHOP["outcomes"], "bought": {"class": "positive", "implies": ["presented"], "ends": True}},
    "offers": CATALOGUE["offers"][:1],
}
GIFTS = {"id": "gifts", "goal": BOUGHT}
POLICY = live(campaigns=[{"id": "spring", "programs": [{**GIFTS, "cells": CELLS}]}], **SECTIONS)
PEOPLE = [f"c{number}" for number in range(40)]


@dataclass
class Service:
    redis: Redis
    store: CustomerStore
    loop: GuardedLoop
    decided: dict[str, DecisionRecord] = field(default_factory=dict)

    policy: LivePolicy = POLICY

    def __post_init__(self) -> None:
        policies = SimpleNamespace(current=self.policy)
        self._decisioning = Decisioning(self.store, policies, NothingLearned(), Metrics(), 86_400_000)
        self._responding = Responding(self.store, policies, Metrics())

    async def decide(self, customer: str, at: datetime = NOW) -> DecisionRecord:
        asked = {"customer": customer, "channel": "web", "placements": [{"placement": "hero"}]}
        return await self._decisioning.decide(DecisionRequest.model_validate(asked), at)

    async def respond(self, **given: Any) -> ResponseReceipt:
        return await self._responding.respond(ResponseRequest.model_validate(given), NOW + timedelta(days=5))

    async def buy(self, customer: str, at: datetime, amount: float = 12.5) -> Record:
        event = CloudEvent(
            specversion="1.0", id=f"{customer}-{at}", source="shop", type="purchase", subject=customer,
            channel="web", time=at, data={"amount": amount},
        )  # fmt: skip
        record = taken_in(event, self.policy, at_ms(at))
        await self.store.append([record])
        return record

    async def scorecard(self) -> Scorecard:
        before = None
        while before != (before := dict(self.loop.positions)):
            await self.loop.step()
        return scorecard(await self.store.counts())


@pytest.fixture
async def service(redis_url: str) -> AsyncIterator[Service]:
    async with served(redis_url, POLICY) as service:
        yield service


@asynccontextmanager
async def served(redis_url: str, policy: LivePolicy) -> AsyncIterator[Service]:
    async with connected(redis_url) as redis:
        store, meter = await CustomerStore.open(redis, 4), Metrics()
        fold = ProfileFold(policy, meter)
        loop = GuardedLoop(store, RedisStreams(redis, 4, "one"), lambda: fold, meter, 10_000, wait_ms=20)
        yield Service(redis, store, loop, policy=policy)


async def test_the_universal_holdout_is_measured_by_the_goals_of_programs(redis_url: str) -> None:
    """Every second of the served and every third of the held out buys; nobody has looked at anything."""
    async with served(
        redis_url,
        live(
            campaigns=[{"id": "spring", "programs": [{**GIFTS, "cells": [{**CELLS[0], "share": 100}]}]}],
            holdout={"share": 40},
            **SECTIONS,
        ),
    ) as service:
        made = {name: await service.decide(name) for name in PEOPLE}
        held_out = [name for name in PEOPLE if made[name].withheld]
        offered = [name for name in PEOPLE if made[name].treatments]
        assert min(len(held_out), len(offered)) > 8
        buyers = [*offered[::2], *held_out[::3]]
        for name in (*buyers, *buyers):
            await service.buy(name, NOW + timedelta(days=2))
        (lift,) = (await service.scorecard()).lifts
        assert (lift.served.customers, lift.held_out.customers) == (len(offered), len(held_out))
        assert (lift.served.positive, lift.held_out.positive) == (len(offered[::2]), len(held_out[::3]))


async def test_both_sides_of_a_program_are_measured_by_the_same_goal(service: Service) -> None:
    """Every second of the treated and every fourth of the held out buys; few of the treated have looked."""
    made = {name: await service.decide(name) for name in PEOPLE}
    treated = [name for name in PEOPLE if made[name].treatments]
    held_out = [name for name in PEOPLE if made[name].withheld]
    assert len(treated) + len(held_out) == len(PEOPLE)
    assert min(len(treated), len(held_out)) > 8
    for name in treated[:6]:
        await service.respond(code=made[name].treatments[0].code, outcome="presented", time=NOW)
    buyers = [*treated[::2], *held_out[::4]]
    for name in (*buyers, *buyers):
        await service.buy(name, NOW + timedelta(days=2))
    card = await service.scorecard()
    (found,) = card.comparisons
    assert (found.treated, found.held_out) == (len(treated), len(held_out))
    assert (found.converted_treated, found.converted_held_out) == (len(treated[::2]), len(held_out[::4]))
    assert found.positive == 3, "of the six who have looked, three have bought"
    assert found.lift is not None
    assert found.lift == pytest.approx(len(treated[::2]) / len(treated) - len(held_out[::4]) / len(held_out))
    assert found.lift_low is not None
    assert found.lift_high is not None
    assert found.lift_low < found.lift < found.lift_high
    assert card.totals.outcomes == {"bought": 3, "presented": 6}
    assert card.totals.amount == 3 * 12.5
    rows = {row.cell: row for row in card.rows}
    assert (rows["letter"].attributed, rows["control"].attributed) == (3, len(held_out[::4]))
    assert (rows["control"].presented, rows["control"].rate) == (0, None)


async def test_the_log_says_it_once_and_a_fold_of_everything_again_changes_nothing(service: Service) -> None:
    made = {name: await service.decide(name) for name in PEOPLE[:10]}
    name = next(each for each in made if made[each].treatments)
    (chosen,) = made[name].treatments
    await service.buy(name, NOW + timedelta(days=1))
    await service.respond(code=chosen.code, outcome="presented", time=NOW)
    card = await service.scorecard()
    said = [each async for each in _inferred(service)]
    assert [(each.code, each.outcome, each.share, each.amount) for each in said] == [
        (chosen.code, "bought", 10_000, 125_000)
    ]
    for shard in range(4):
        await service.redis.hset(keys.guard(shard), "off:out:0", "0")
    again = GuardedLoop(
        service.store, RedisStreams(service.redis, 4, "two"), lambda: ProfileFold(POLICY, Metrics()), Metrics(), 10_000,
        wait_ms=20,
    )  # fmt: skip
    service.loop = again
    assert await service.scorecard() == card


async def _inferred(service: Service) -> AsyncIterator[ResponseRecord]:
    for shard in range(4):
        entries: Any = await service.redis.xrange(keys.outbox(shard))
        for _, fields in entries:
            if fields[b"topic"] == b"responses" and fields[b"id"].startswith(b"opportune/goals#"):
                yield ResponseRecord.model_validate_json(fields[b"body"])


async def test_a_printed_code_stands_for_the_newest_decision_until_then(service: Service) -> None:
    names = {name: await service.decide(name) for name in PEOPLE[:10]}
    name = next(each for each in names if names[each].treatments)
    newer = await service.decide(name, NOW + timedelta(days=2))
    early = await service.respond(code="spring a", customer=name, outcome="accepted", time=NOW + timedelta(days=1))
    late = await service.respond(code="SPRING-A", customer=name, outcome="declined")
    again = await service.respond(code="SPRING-A", customer=name, outcome="declined")
    assert (early.decision, late.decision) == (names[name].decision, newer.decision)
    assert (late.repeated, again.repeated) == (False, True)
    assert (await service.scorecard()).totals.outcomes == {"accepted": 1, "declined": 1, "presented": 2}


async def test_a_printed_code_without_a_decision_says_what_to_do(service: Service) -> None:
    with pytest.raises(UnknownResponseCode, match="Nothing was decided for nobody in the cell spring/gifts/letter"):
        await service.respond(code="SPRING-A", customer="nobody", outcome="accepted")
    with pytest.raises(UnknownResponseCode, match="No cell of the live policy has the code SPRING-B"):
        await service.respond(code="SPRING-B", customer="nobody", outcome="accepted")
    with pytest.raises(BadResponseCode, match="SPRING-A is the printed code of a cell, which many have"):
        await service.respond(code="SPRING-A", outcome="accepted")
