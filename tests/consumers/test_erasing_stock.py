"""Nothing of the stock is held for somebody who was erased."""

import orjson

from consumers.folding import ProfileFold
from consumers.log import LogRecord
from profiles.customer import Customer
from profiles.holds import Act
from profiles.profile import Profile
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from schemas.decision import Facts
from schemas.ledger import Ledger
from tests.builders import CATALOGUE, NOON_MS, live
from tests.consumers.conftest import Counted

CELLS = [{"id": "all", "share": 100, "offers": ["mug"]}]
ADA = "customer:ada"


def test_a_decision_that_redis_has_lost_holds_nothing_where_its_customer_is_erased_with_it() -> None:
    policy = live(
        offers=[{**CATALOGUE["offers"][0], "inventory": 5}],
        campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": CELLS}]}],
    )
    facts = Facts(ADA, "web", (("hero", 1),), {}, Ledger(), stock={"offer:mug": 5})
    origin = Origin("0000-abc", NOON_MS, 0, 1, 0, policy.revision, "none")
    made = record(decide(facts, policy.ruleset, NothingLearned(), NOON_MS, 1), facts, origin)
    body = made.model_dump_json(exclude_none=True).encode()
    decided = LogRecord("decisions", 10, NOON_MS, made.decision, ADA, body)
    erased = LogRecord("erasures", 11, NOON_MS, "r", ADA, orjson.dumps({"receipt": "r", "requested_ms": NOON_MS}))

    def folded(*records: LogRecord) -> list[Act]:
        fold = ProfileFold(policy, Counted())
        return [each.act for each in fold(Customer(ADA, "1-x", Profile(), Ledger()), list(records)).moves]

    assert folded(decided) == [Act.KEEP]
    assert folded(decided, erased) == []
