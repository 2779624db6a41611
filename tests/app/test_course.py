"""Examples in which time passes: timers fire between what happened, and what rules do is compared."""

from typing import Any

import pytest
import yaml

from app.examples import Mismatch, mismatches
from consumers.live import LivePolicy
from schemas.example import Example
from tests.builders import NOON_MS, SHOP, live
from tests.consumers.test_actions import CELLS, LETTER, OUTBOUND

OUTCOMES = {**SHOP["outcomes"], "no_response": {"class": "neutral", "after": {"email": "3d"}}}
CONTACT = {"cool_downs": [{"after": "no_response", "per": "offer", "for": "30d"}]}
RULES = """
- id: rescue
  when: {after: page_view, absent: purchase, within: 30m}
  if: event.product == "tv"
  propose: letter
  for: 2h
  act: [{call_list: lost, note: "{event.product}"}]
- id: big
  when: purchase
  if: event.amount > 5.0
  propose: letter
  act: [{message: email, placement: inbox}, {call_list: rich}]
- id: birthday
  when: {at: customer.since, every: year}
  act: [{call_list: birthdays}]
"""
EMAIL = {"channel": "email", "placement": "inbox"}
VIEWED = {"type": "page_view", "ago": "31m", "data": {"product": "tv"}}
LOST = [{"rule": "rescue", "kind": "call_list"}]
RICH = [{"rule": "big", "kind": "message"}, {"rule": "big", "kind": "call_list"}]


@pytest.fixture(scope="module")
def policy() -> LivePolicy:
    return live(**OUTBOUND, rules=yaml.safe_load(RULES), outcomes=OUTCOMES, contact_policy=CONTACT)


def found(policy: LivePolicy, given: dict[str, Any], then: dict[str, Any], **when: Any) -> list[Mismatch]:
    example = Example.model_validate({"name": "x", "given": given, "when": EMAIL | when, "then": then})
    return mismatches(example, policy, NOON_MS)


def buying(amount: float, **over: Any) -> dict[str, Any]:
    return {"type": "purchase", "data": {"amount": amount}, **over}


def test_a_timer_fires_before_the_moment_and_what_it_proposes_waits(policy: LivePolicy) -> None:
    assert found(policy, {"interactions": [VIEWED]}, {"actions": LOST, "offers": ["letter"]}) == []
    early = {**VIEWED, "ago": "29m"}
    assert found(policy, {"interactions": [early]}, {"actions": [], "offers": []}) == []


def test_a_timer_is_cancelled_by_what_happens_between(policy: LivePolicy) -> None:
    bought = buying(1, ago="5m")
    assert found(policy, {"interactions": [bought, VIEWED]}, {"actions": []}) == []
    assert found(policy, {"interactions": [VIEWED]}, {"actions": LOST}, interaction=buying(1)) == []


def test_what_the_interaction_of_the_moment_does(policy: LivePolicy) -> None:
    assert found(policy, {}, {"actions": RICH}, interaction=buying(10)) == []
    (wrong,) = found(policy, {}, {"actions": LOST}, interaction=buying(10))
    assert wrong.path == ("then", "actions")
    assert wrong.message == "`actions` should be `rescue: call_list`, but is `big: message`, `big: call_list`"


def test_a_birthday(policy: LivePolicy) -> None:
    learned = {"type": "identify", "ago": "30d", "data": {"since": "1990-03-10T08:00:00Z"}}
    assert found(policy, {"interactions": [learned]}, {"actions": [{"rule": "birthday", "kind": "call_list"}]}) == []


def test_no_answer_to_a_message_counts_in_the_example(policy: LivePolicy) -> None:
    sent = {"interactions": [buying(10, ago="4d")]}
    then = {"actions": [*RICH, RICH[1]], "reasons": {"letter": "cool_down"}}
    assert found(policy, sent, {**then, "reasons": {}}, interaction=buying(10)) == []
    two_days = {"interactions": [buying(10, ago="2d")]}
    assert found(policy, two_days, {"actions": [*RICH, *RICH]}, interaction=buying(10)) == []


def test_the_cell_that_an_example_gives_holds_for_messages() -> None:
    cells = [{**CELLS[0], "share": 99}, {"id": "control", "share": 1, "holdout": True}]
    campaigns = [{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}]
    policy = live(offers=[*OUTBOUND["offers"][:2], LETTER], campaigns=campaigns, rules=yaml.safe_load(RULES))
    given = {"cells": {"gifts": "control"}}
    assert found(policy, given, {"actions": RICH[1:]}, interaction=buying(10)) == []
