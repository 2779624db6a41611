"""Treated and held out are counted alike, however often the same customers ask."""

from collections import Counter

from app.scorecard import scorecard
from profiles.ledger import fold_decision
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from schemas.decision import Facts
from schemas.ledger import Ledger
from tests.builders import CATALOGUE, HOUR, NOON_MS, live

CAP = {"id": "once", "per": "customer", "at_most": 1, "within": "7d", "counting": "decided"}


def test_each_customer_counts_once() -> None:
    cells = [{"id": "all", "share": 50, "offers": ["mug", "pen"]}, {"id": "control", "share": 50, "holdout": True}]
    policy = live(
        campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}],
        offers=CATALOGUE["offers"],
        contact_policy={"caps": [CAP]},
    )
    counts: Counter[str] = Counter()
    for number in range(400):
        ledger = Ledger()
        for asked in range(5):
            now_ms = NOON_MS + asked * HOUR
            facts = Facts(f"customer:{number}", "web", (("hero", 2),), {}, ledger)
            judgement = decide(facts, policy.ruleset, NothingLearned(), now_ms, 1)
            origin = Origin(f"0000-{number}-{asked}", now_ms, 0, 1, 0, policy.revision, "none")
            decided = record(judgement, facts, origin)
            ledger, new = fold_decision(ledger, decided, now_ms, policy.definition)
            counts.update(new)
    (program,) = scorecard(counts).comparisons
    assert program.treated + program.held_out == 400
    assert program.held_out_share is not None
    assert abs(program.held_out_share - 0.5) < 0.08  # three standard deviations of 400 fair draws
    totals = scorecard(counts).totals
    assert (totals.decided, totals.withheld) == (program.treated, program.held_out)
