"""Decisions as data: each treatment and each reason as the case says, and the same again from the record."""

from collections import Counter

import pytest

from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import Judgement
from rules.reasons import Reason
from rules.replay import replayed
from schemas.decision import DecisionRecord
from schemas.stock import Taking
from tests.rules.cases import Case, cases

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_a_case(case: Case) -> None:
    judgement = case.decided()

    chosen = [each.scored.candidate.offer.id for each in judgement.choices]
    reasons = {each.candidate.offer.id: each.reason.value for each in judgement.left_out}
    details = {each.candidate.offer.id: each.detail for each in judgement.left_out}
    assert chosen == case.given["chosen"], reasons
    assert reasons == case.given.get("reasons", {}), details
    assert [each.candidate.offer.id for each in judgement.held_back] == case.given.get("withheld", [])
    for offer, detail in case.given.get("details", {}).items():
        assert detail in details[offer]
    for offer, factors in case.given.get("factors", {}).items():
        found = {each.scored.candidate.offer.id: each.scored.factors for each in judgement.choices}
        assert found[offer] == pytest.approx(factors)
    continues = {each.scored.candidate.offer.id: each.handed.code for each in judgement.choices if each.handed}
    assert continues == case.given.get("continues", {})
    for offer, holds in case.given.get("takes", {}).items():
        assert {name: each["hold_ms"] for name, each in _taken(case, judgement)[offer].items()} == holds
    for offer, content in case.given.get("content", {}).items():
        assert {each.scored.candidate.offer.id: dict(each.content) for each in judgement.choices}[offer] == content


def _taken(case: Case, judgement: Judgement) -> dict[str, dict[str, Taking]]:
    """By offer."""
    made = record(judgement, case.facts(), Origin("0003-x", case.now_ms, 3, case.seed, 0, "r", "none"))
    return {each.offer: (made.takes or {})[each.code] for each in made.treatments}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_its_record_decides_alike(case: Case) -> None:
    if case.given.get("cells") != {}:  # a cell that a test chose is in no record
        case = Case(case.file, case.name, case.policy, {**case.given, "cells": {}})
    ruleset, facts = case.live().ruleset, case.facts()
    origin = Origin("0003-x", case.now_ms, 3, case.seed, 0, ruleset.revision, "none")
    written = record(case.decided(), facts, origin).model_dump_json(exclude_none=True)
    again = replayed(DecisionRecord.model_validate_json(written), ruleset, NothingLearned())
    assert again.model_dump_json(exclude_none=True) == written


def test_the_cases_are_many_and_speak_of_every_reason() -> None:
    written = {reason for case in CASES for reason in case.given.get("reasons", {}).values()}
    assert {each.value for each in Reason} - written == set()
    assert len(CASES) >= 120
    repeated = [name for name, count in Counter(f"{case.file}: {case.name}" for case in CASES).items() if count > 1]
    assert repeated == []
