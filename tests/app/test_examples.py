"""Examples written beside the rules: every kind of mismatch, in words and at its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.checking import check_folder
from app.examples import Mismatch, mismatches
from schemas.example import Example
from tests.builders import CATALOGUE, NOON_MS, SHOP, changed, live

TREATMENT = {"id": "t", "channel": "web", "placement": "hero", "content": {"title": "x"}}
OFFERS = [
    *changed("pen", always=False),
    {"id": "cup", "name": "A cup", "treatments": [TREATMENT]},
    {"id": "hat", "name": "A hat", "treatments": [TREATMENT]},
]
CAMPAIGNS = [
    {
        "id": "spring",
        "programs": [
            {
                "id": "gifts",
                "cells": [
                    {"id": "all", "share": 90, "offers": ["mug", "pen", "cup"]},
                    {"id": "control", "share": 10, "holdout": True},
                ],
            }
        ],
    }
]
RULES = [
    {"id": "called", "when": "call_started", "propose": "pen"},
    {"id": "phoned", "when": "page_view", "propose": "pen", "on": "call"},
    {"id": "rich", "when": "page_view", "if": "customer.spend > 100.0", "propose": "pen", "for": "2d"},
]
WEB = {"channel": "web", "placement": "hero"}
VIEW = {**WEB, "interaction": {"type": "page_view"}}
ALL: dict[str, Any] = {"cells": {"gifts": "all"}}


def found(then: dict[str, Any], given: dict[str, Any] | None = None, **when: Any) -> list[Mismatch]:
    policy = live(offers=OFFERS, campaigns=CAMPAIGNS, rules=RULES)
    example = Example.model_validate({"name": "x", "given": ALL | (given or {}), "when": VIEW | when, "then": then})
    return mismatches(example, policy, NOON_MS)


MISMATCHES = [
    ({"offers": []}, {}, "then.offers", "`offers` should be nothing, but is `mug`"),
    (
        {"offers": ["mug", "cup"]},
        {},
        "then.offers",
        "`offers` should be `mug`, `cup`, but is `mug`;"
        " `cup` is no candidate: no rule proposes it, and it is not `always`",
    ),
    (
        {"offers": ["mug", "hat"]},
        {},
        "then.offers",
        "`offers` should be `mug`, `hat`, but is `mug`; `hat` is no candidate: it is in no cell of any program",
    ),
    (
        {"offers": ["pen"]},
        {},
        "then.offers",
        "`offers` should be `pen`, but is `mug`; `pen` is no candidate: no rule proposed it, and it is not `always`"
        " (`called` is fired by `call_started`, `phoned` is for `call`, `rich` does not hold)",
    ),
    (
        {"offers": ["mug"]},
        {"cells": {"gifts": "control"}},
        "then.offers",
        "`offers` should be `mug`, but is nothing; `mug` is left out as `held_out` (cell control)",
    ),
    ({"withheld": ["mug"]}, {}, "then.withheld", "`withheld` should be `mug`, but is nothing; `mug` is chosen"),
    (
        {"reasons": {"mug": "cap_reached"}},
        {},
        "then.reasons.mug",
        "`mug` should be left out as `cap_reached`, but is chosen",
    ),
    (
        {"reasons": {"mug": "cap_reached"}},
        {"cells": {"gifts": "control"}},
        "then.reasons.mug",
        "`mug` should be left out as `cap_reached`, but is left out as `held_out` (cell control)",
    ),
    (
        {"reasons": {"hat": "cap_reached"}},
        {},
        "then.reasons.hat",
        "`hat` should be left out as `cap_reached`, but is no candidate: it is in no cell of any program",
    ),
]


@pytest.mark.parametrize(("then", "given", "path", "message"), MISMATCHES)
def test_a_mismatch_says_what_happened_instead(
    then: dict[str, Any], given: dict[str, Any], path: str, message: str
) -> None:
    assert [(".".join(map(str, each.path)), each.message) for each in found(then, given)] == [(path, message)]


def test_an_example_that_holds_has_none() -> None:
    assert found({"offers": ["mug"], "withheld": []}) == []
    assert (
        found({"offers": [], "withheld": ["mug"], "reasons": {"mug": "held_out"}}, {"cells": {"gifts": "control"}})
        == []
    )
    assert found({"offers": ["mug", "pen"]}, count=2, interaction={"type": "call_started"}) == []


def test_every_mismatch_is_told() -> None:
    paths = [each.path for each in found({"offers": [], "withheld": ["mug"], "reasons": {"mug": "held_out"}})]

    assert paths == [("then", "offers"), ("then", "withheld"), ("then", "reasons", "mug")]


LIFE: dict[str, Any] = {
    "features": {**SHOP["features"], "visits": {"count": "session_ended"}},
    "segments": {"regular": "customer.visits >= 2", "vip": '"vip" in customer.tags'},
    "session": {"features": {"bought": {"count": "purchase"}}, "purposes": {"buying": "session.bought > 0"}},
    "stages": {
        "decline": {"if": 'now - customer.last_seen > duration("720h")', "from": ["growth", "maturity"]},
        "maturity": {"if": "customer.spend > 100.0", "from": ["growth"]},
        "growth": {"if": "customer.visits >= 1", "from": ["new"]},
        "new": "!has(customer.stage_since)",
    },
    "lifecycle": {"review": "7d"},
}
TWO_VISITS = [{"type": "page_view", "ago": "9d"}, {"type": "page_view", "ago": "2d"}]
LIVES = [
    ({}, {}, {"stage": "new", "segments": []}),
    ({"interactions": TWO_VISITS}, {}, {"stage": "growth", "segments": ["regular"]}),  # timers have ended both
    ({"tags": ["vip"]}, {}, {"segments": ["vip"]}),
    ({"stage": "maturity"}, {}, {"stage": "maturity"}),
    ({"stage": "maturity", "interactions": [{"type": "page_view", "ago": "60d"}]}, {}, {"stage": "decline"}),
    (
        {"stage": "growth"},
        {"interaction": {"type": "purchase", "data": {"amount": 500}}},
        {"stage": "maturity", "purpose": "buying"},
    ),
    # one step at a time, and recorded on the way: new, growth, decline at a review
    ({"interactions": [{"type": "page_view", "ago": "90d"}]}, {}, {"stage": "decline"}),
]


@pytest.mark.parametrize(("given", "when", "then"), LIVES)
def test_stage_segments_and_purpose(given: dict[str, Any], when: dict[str, Any], then: dict[str, Any]) -> None:
    policy = live(**LIFE)
    example = Example.model_validate({"name": "x", "given": given, "when": WEB | when, "then": then})
    assert mismatches(example, policy, NOON_MS) == []


def test_stage_segments_and_purpose_that_are_others() -> None:
    then = {"stage": "decline", "segments": ["vip", "regular"], "purpose": "buying"}
    example = Example.model_validate({"name": "x", "given": {"tags": ["vip"]}, "when": WEB, "then": then})
    assert [(each.path[-1], each.message) for each in mismatches(example, live(**LIFE), NOON_MS)] == [
        ("stage", "`stage` should be `decline`, but is `new`"),
        ("purpose", "`purpose` should be `buying`, but is nothing"),
        ("segments", "`segments` should be `regular`, `vip`, but is `vip`"),
    ]


PURCHASE = {"type": "purchase", "ago": "1d"}
UNUSABLE = [
    ({"attributes": {"age": "old"}}, {}, "given.attributes.age", "`age` must be a whole number"),
    (
        {"interactions": [{**PURCHASE, "data": {"amount": "much"}}]},
        {},
        "given.interactions.0.data.amount",
        "`amount` must be a finite number",
    ),
    ({"interactions": [PURCHASE]}, {}, "given.interactions.0", "`purchase` needs the field `amount`"),
    (
        {},
        {"interaction": {"type": "call_started", "data": {"age": 1.5}}},
        "when.interaction.data.age",
        "`age` must be a whole number",
    ),
    ({}, {"interaction": {"type": "flight"}}, "when.interaction", "unknown interaction type `flight`"),
    ({}, {"context": {"queue": "x"}}, "when.context", "`context` has no field `queue`"),
    (
        {"responses": [{"offer": "hat", "outcome": "accepted", "ago": "1d"}]},
        {},
        "given.responses.0.offer",
        "no program has the offer `hat`",
    ),
]


@pytest.mark.parametrize(("given", "when", "path", "message"), UNUSABLE)
def test_what_could_not_happen_is_shown_at_its_value(
    given: dict[str, Any], when: dict[str, Any], path: str, message: str
) -> None:
    [wrong] = found({}, given, **when)

    assert ".".join(map(str, wrong.path)) == path
    assert wrong.message.startswith(f"the example itself is wrong: {message}")


EXAMPLE = """\
examples:
  - name: No mug
    given: {cells: {gifts: all}}
    when: {channel: web, placement: hero, interaction: {type: call_started, data: {age: 12}}}
    then:
      offers: []
      withheld: [pen]
  - name: Fine
    when: {channel: web, placement: hero}
    then: {}
  - name: Half a year
    when: {channel: web, placement: hero, interaction: {type: call_started, data: {age: 1.5}}}
    then: {}
"""


def test_the_report_shows_mismatches_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "examples.yaml").write_text(EXAMPLE)
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump({**SHOP, **CATALOGUE}))

    report = check_folder(tmp_path, NOON_MS)

    assert [str(finding.position) for finding in report.findings] == [
        "examples.yaml:6:15",
        "examples.yaml:7:17",
        "examples.yaml:12:89",
    ]
    assert (report.examples, report.failed, report.policy is None, report.ok) == (3, 2, False, False)


def test_examples_of_a_policy_with_errors_are_not_run(tmp_path: Path) -> None:
    (tmp_path / "examples.yaml").write_text(EXAMPLE)

    report = check_folder(tmp_path, NOON_MS)

    assert (report.examples, report.failed, report.policy is None, report.ok) == (0, 0, True, False)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    report = check_folder(tmp_path, NOON_MS)

    assert [str(each) for each in report.findings] == [f"{tmp_path}: error: no *.yaml file was found in this folder"]
    assert not report.ok
