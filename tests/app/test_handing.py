"""From the phone to the web, on a real Redis: the same proposal, settled by either code, counted once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.decisioning import Decisioning
from app.responding import Responding
from app.scorecard import scorecard
from consumers.folding import ProfileFold
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from profiles.connection import connected
from profiles.ledger import fold_response
from profiles.store import CustomerStore
from rules.arbitration import NothingLearned
from rules.explaining import full, opened
from rules.replay import differences, replayed
from schemas.decision import DecisionRecord, DecisionRequest, Placement
from schemas.ledger import Ledger
from schemas.response import ResponseReceipt, ResponseRecord, ResponseRequest
from schemas.scorecard import Row
from tests.builders import CATALOGUE, DAY, entry, live
from tests.consumers.conftest import Counted
from tests.consumers.test_loop import drained

WORDED = [{"id": f"mug-{c}", "channel": c, "placement": "main", "content": {"t": "x"}} for c in ("call", "web")]
CELLS = [{"id": "all", "share": 100, "offers": ["mug"]}]
POLICY = live(
    outcomes={
        "presented": {"class": "impression"},
        "clicked": {"class": "neutral", "implies": ["presented"]},
        "link_sent": {"class": "neutral", "implies": ["presented"], "hand_over": {"to": "web", "for": "48h"}},
        "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
        "declined": {"class": "negative", "implies": ["presented"], "ends": True},
        "no_response": {"class": "neutral", "after": {"call": "1h", "web": "1h"}},
    },
    offers=[{**CATALOGUE["offers"][0], "always": False, "treatments": WORDED}],
    campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": CELLS}]}],
    rules=[{"id": "calls", "if": 'context.channel == "call"', "propose": "mug", "on": "call"}],
    contact_policy={"caps": [{"id": "one", "per": "customer", "at_most": 1, "within": "7d"}]},
)


@dataclass
class Shop:
    store: CustomerStore
    current = POLICY

    async def ask(self, channel: str) -> DecisionRecord:
        asked = DecisionRequest(customer="ada", channel=channel, placements=(Placement(placement="main"),))
        decisioning = Decisioning(self.store, self, NothingLearned(), Counted(), keep_ms=DAY)
        made = await decisioning.decide(asked, datetime.now(UTC))
        assert differences(made, replayed(made, POLICY.ruleset, NothingLearned())) == ()
        return made

    async def say(self, code: str, outcome: str, amount: int | None = None) -> ResponseReceipt:
        said = ResponseRequest(code=code, outcome=outcome, amount=None if amount is None else Decimal(amount))
        return await Responding(self.store, self, Counted()).respond(said, datetime.now(UTC))

    async def folded(self) -> None:
        streams, fold = RedisStreams(self.store.scripts.redis, 1, "one"), ProfileFold(POLICY, Counted())
        worker = GuardedLoop(self.store, streams, lambda: fold, Counted(), 10_000, wait_ms=5)
        await drained(worker)
        worker.stop()
        await worker.run()

    async def rows(self) -> dict[str, Row]:
        return {each.channel: each for each in scorecard(await self.store.counts()).rows}


@pytest.fixture
async def shop(redis_url: str) -> AsyncIterator[Shop]:
    async with connected(redis_url) as redis:
        yield Shop(await CustomerStore.open(redis, 1))


@pytest.mark.anyio
@pytest.mark.parametrize("accepted_by", ["phone", "web", "both"])
async def test_send_the_link_and_finish_online(shop: Shop, accepted_by: str) -> None:
    assert not (await shop.ask("web")).treatments
    (phone,) = (await shop.ask("call")).treatments
    assert not (await shop.ask("web")).treatments
    await shop.say(phone.code, "link_sent")
    online = await shop.ask("web")
    (web,) = online.treatments
    assert (web.continues, web.same_contact, web.offer) == (phone.code, True, phone.offer)
    (told,) = full(opened(online, POLICY.ruleset, NothingLearned()), NothingLearned()).candidates
    assert told.continues == phone.code
    assert "(link_sent on call)" in told.text
    await shop.say(web.code, "clicked")
    codes = {"phone": [phone.code], "web": [web.code], "both": [web.code, phone.code]}[accepted_by]
    for code in codes:
        await shop.say(code, "accepted", amount=20)
    assert not (await shop.ask("web")).treatments
    await shop.folded()
    assert not (await shop.ask("web")).treatments

    rows = await shop.rows()
    phoned, seen = rows["call"], rows["web"]
    assert (phoned.decided, phoned.continued, phoned.positive, phoned.amount) == (1, 0, 1, 20.0)
    assert phoned.outcomes == {"presented": 1, "link_sent": 1, "accepted": 1}
    assert (seen.decided, seen.continued, seen.positive, seen.amount) == (0, 1, 0, 0.0)
    assert seen.outcomes == {"presented": 1, "clicked": 1}
    (customer,) = (await shop.store.read_all(["customer:ada"])).values()
    assert all("accepted" in each.outcomes and not each.awaits_ms for each in customer.ledger.entries)


RESPONSES = [
    ResponseRecord(
        code=code, decision="d", outcome=outcome, outcomes={**seen, outcome: kind}, at_ms=at_ms, amount=amount
    )
    for code, outcome, kind, seen, at_ms, amount in (
        ("first", "link_sent", "neutral", {"presented": "impression"}, 10, 0),
        ("second", "clicked", "neutral", {"presented": "impression"}, 20, 0),
        ("second", "accepted", "positive", {"presented": "impression"}, 30, 5),
        ("first", "accepted", "positive", {"presented": "impression"}, 30, 5),
    )
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)])
def test_in_whatever_order_answers_come_they_count_once(order: tuple[int, ...]) -> None:
    first = entry(code="first", channel="call")
    ledger = Ledger((first, entry(code="second", channel="web", continues="first", same_contact=True)))
    total: dict[str, int] = {}
    for number in order + order:
        ledger, counts = fold_response(ledger, RESPONSES[number])
        for name, n in counts.items():
            column = name.rpartition("|")[2]
            total[column] = total.get(column, 0) + n
    assert total["positive"] == total["outcome:accepted"] == 1
    assert total["amount"] == 5
    assert total["presented"] == total["outcome:presented"] == 2
    assert all(each.positive and each.outcomes["accepted"] == 30 for each in ledger.entries)
