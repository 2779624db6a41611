"""The universal holdout and remembered cells on a real Redis: what is withheld, what the scorecard says, what a new
revision and a second identifier change."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from app.decisioning import Decisioning
from app.responding import Responding
from app.scorecard import scorecard
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from profiles.connection import connected
from profiles.store import CustomerStore
from rules.arbitration import NothingLearned
from rules.cells import assign, universal_shares
from schemas.catalogue import UniversalHoldout
from schemas.cells import HOLDOUT
from schemas.decision import DecisionRecord, DecisionRequest, Placement
from schemas.response import ResponseRequest
from schemas.scorecard import Scorecard
from tests.builders import DAY, live
from tests.consumers.conftest import Counted
from tests.consumers.test_loop import drained

SHARDS = 2


@dataclass
class Shop:
    store: CustomerStore
    current: LivePolicy = field(default_factory=live)

    async def ask(self, **whom: Any) -> DecisionRecord:
        decisioning = Decisioning(self.store, self, NothingLearned(), Counted(), keep_ms=DAY)
        asked = DecisionRequest(channel="web", placements=(Placement(placement="hero"),), **whom)
        return await decisioning.decide(asked, datetime.now(UTC))

    async def accept(self, made: DecisionRecord) -> None:
        responding = Responding(self.store, self, Counted())
        await responding.respond(ResponseRequest(code=made.treatments[0].code, outcome="accepted"), datetime.now(UTC))

    async def folded(self) -> None:
        streams, fold = RedisStreams(self.store.scripts.redis, SHARDS, "one"), ProfileFold(self.current, Counted())
        worker = GuardedLoop(self.store, streams, lambda: fold, Counted(), 10_000, wait_ms=5)
        await drained(worker)
        worker.stop()
        await worker.run()

    async def card(self) -> Scorecard:
        return scorecard(await self.store.counts())


@pytest.fixture
async def shop(redis_url: str) -> AsyncIterator[Shop]:
    async with connected(redis_url) as redis:
        yield Shop(await CustomerStore.open(redis, SHARDS))


def cells(*shares: int) -> dict[str, Any]:
    named: tuple[dict[str, Any], ...] = ({"id": "all", "offers": ["mug", "pen"]}, {"id": "control", "holdout": True})
    found: list[dict[str, Any]] = [{**cell, "share": share} for cell, share in zip(named, shares, strict=True) if share]
    return {"campaigns": [{"id": "spring", "programs": [{"id": "gifts", "cells": found}]}]}


@pytest.mark.anyio
async def test_lift_over_all_programs_is_measured(shop: Shop) -> None:
    shop.current = live(holdout={"share": 30}, **cells(100, 0))
    expected = universal_shares(UniversalHoldout(share=30))
    names = [f"c{number}" for number in range(60)]
    held_out = [each for each in names if assign(expected, f"customer:{each}") == HOLDOUT]
    for name in names * 2:
        made = await shop.ask(customer=name)
        assert bool(made.treatments) is (name not in held_out)
        assert [each.cell for each in made.withheld] == ([HOLDOUT] if name in held_out else [])
        assert made.holdout == {"universal": name in held_out}
        if made.treatments and name.endswith("3"):
            await shop.accept(made)
    await shop.folded()

    (lift,) = (await shop.card()).lifts
    accepted = 2 * sum(name.endswith("3") for name in names if name not in held_out)
    assert (lift.served.customers, lift.held_out.customers) == (60 - len(held_out), len(held_out))
    assert (lift.served.positive, lift.held_out.positive) == (accepted, 0)
    assert lift.lift == accepted / lift.served.customers
    assert lift.lift_low is not None
    assert lift.lift_high is not None
    assert lift.lift_low < lift.lift < lift.lift_high
    (program,) = (await shop.card()).comparisons
    assert (program.treated, program.held_out) == (60 - len(held_out), 0)
    assert not scorecard(await shop.store.counts(), campaign="spring").lifts


@pytest.mark.anyio
@pytest.mark.parametrize("is_folded", [True, False])
async def test_other_shares_move_nobody(shop: Shop, is_folded: bool) -> None:
    shop.current = live(**cells(50, 50))
    names = [f"c{number}" for number in range(30)]
    before = {name: bool((await shop.ask(customer=name)).treatments) for name in names}
    assert len(set(before.values())) == 2
    if is_folded:
        await shop.folded()
    for shares in ((99, 1), (1, 99), (70, 30)):
        shop.current = live(**cells(*shares))
        assert {name: bool((await shop.ask(customer=name)).treatments) for name in names} == before


@pytest.mark.anyio
async def test_of_two_identifiers_the_earlier_cell_counts(shop: Shop) -> None:
    """The visitor was held out before the customer was made an offer; after the link the person is."""
    shop.current = live(**cells(1, 99))
    assert (await shop.ask(visitor="v")).withheld
    shop.current = live(**cells(100, 0))
    assert (await shop.ask(customer="ada")).treatments
    shop.current = live(**cells(99, 1))
    linked = await shop.ask(customer="ada", visitor="v")
    assert [each.cell for each in linked.withheld] == ["control"]
    assert sorted(name for each in linked.ledger["cells"]["spring/gifts"] for name in each) == ["all", "control"]
    await shop.folded()
    assert (await shop.ask(customer="ada")).withheld


@pytest.mark.anyio
async def test_the_universal_holdout_keeps_those_it_has(shop: Shop) -> None:
    shop.current = live(holdout={"share": 50}, **cells(100, 0))
    names = [f"c{number}" for number in range(20)]
    before = {name: (await shop.ask(customer=name)).holdout for name in names}
    for share in (1, 99):
        shop.current = live(holdout={"share": share}, **cells(100, 0))
        assert {name: (await shop.ask(customer=name)).holdout for name in names} == before
    shop.current = live(holdout={"share": 1, "id": "next"}, **cells(100, 0))
    assert len([name for name in names if (await shop.ask(customer=name)).withheld]) < 4


@pytest.mark.anyio
async def test_a_person_counts_once_under_two_names_once_they_are_linked(shop: Shop) -> None:
    """Also where the customer's fold has not heard of the visitor yet: the decision knew."""
    shop.current = live(holdout={"share": 1, "id": "few"}, **cells(100, 0))
    await shop.ask(visitor="v")
    await shop.folded()
    await shop.ask(customer="ada", visitor="v")
    await shop.ask(customer="ada")
    await shop.ask(customer="bob")
    await shop.folded()
    (lift,) = (await shop.card()).lifts
    (program,) = (await shop.card()).comparisons
    assert (lift.served.customers + lift.held_out.customers, program.treated) == (2, 2 - lift.held_out.customers)
