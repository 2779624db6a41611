"""What has changed, said as a marketer would."""

import copy
from typing import Any

import pytest

from rules.differences import differences
from rules.policy import check, read_folder
from schemas.catalogue import Offer
from schemas.policy import Policy
from tests.builders import CATALOGUE, changed, shop

CELLS = CATALOGUE["campaigns"][0]["programs"][0]["cells"]
CAP = {"id": "weekly", "per": "customer", "at_most": 2, "within": "7d", "channels": ["email"]}
RULE = {"id": "churn-call", "when": "call_started", "if": "customer.age > 3", "propose": "mug", "for": "1d"}
TREATMENT = CATALOGUE["offers"][0]["treatments"][0]


def policy(**over: Any) -> Policy:
    sections = {
        **CATALOGUE,
        "rules": [RULE],
        "contact_policy": {"caps": [CAP]},
        "segments": {"young": "customer.age < 30"},
    }
    return shop(**{**sections, **over})


def campaign(**over: Any) -> list[dict[str, Any]]:
    return [{**CATALOGUE["campaigns"][0], **over}]


def cells(*shares: float) -> list[dict[str, Any]]:
    found = [{**each, "share": share} for each, share in zip(CELLS, shares, strict=True)]
    return campaign(programs=[{"id": "gifts", "cells": found}])


def rule(**over: Any) -> list[dict[str, Any]]:
    return [{**RULE, **over}]


def caps(**over: Any) -> dict[str, Any]:
    return {"caps": [{**CAP, **over}]}


SENTENCES: list[tuple[dict[str, Any], list[str]]] = [
    ({"offers": changed("mug", value=15)}, ["Offer mug: value 10 → 15 EUR"]),
    ({"offers": changed("mug", cost=1.25)}, ["Offer mug: cost 0 → 1.25 EUR"]),
    ({"offers": changed("mug", **{"class": "mandatory"})}, ["Offer mug: class standard → mandatory"]),
    ({"offers": changed("mug", name="Mug")}, ["Offer mug: name “A mug” → “Mug”"]),
    ({"offers": changed("mug", ends="2026-12-31")}, ["Offer mug: last day open → 2026-12-31"]),
    (
        {"offers": changed("mug", eligible="customer.age >= 18")},
        ["Offer mug: who may have it: everybody → `customer.age >= 18`"],
    ),
    (
        {"offers": changed("mug", treatments=[{**TREATMENT, "content": {"title": "Mine"}}])},
        ["Offer mug, treatment mug-banner: title “A mug” → “Mine”"],
    ),
    (
        {"offers": changed("mug", treatments=[TREATMENT, {**TREATMENT, "id": "b", "channel": "call"}])},
        ["Offer mug: new treatment b: on call, hero"],
    ),
    ({"offers": CATALOGUE["offers"][:1], "campaigns": campaign()}, ["Offer pen is removed"]),
    (
        {"offers": [*CATALOGUE["offers"], {**CATALOGUE["offers"][0], "id": "cup", "value": 1_200}]},
        ["New offer cup: “A mug”, value 1,200 EUR"],
    ),
    ({"offers": CATALOGUE["offers"][::-1]}, ["Offers stand in another order"]),
    ({"contact_policy": caps(at_most=3)}, ["Cap weekly on email: 2 in 7 days → 3 in 7 days"]),
    (
        {"contact_policy": caps(within={"calendar": "month"})},
        ["Cap weekly on email: 2 in 7 days → 2 in the calendar month"],
    ),
    ({"contact_policy": caps(counting="decided")}, ["Cap weekly on email: counts presented → decided"]),
    ({"contact_policy": {}}, ["Cap weekly on email is removed"]),
    (
        {"contact_policy": {"caps": [CAP], "cool_downs": [{"after": "declined", "for": "90d"}]}},
        ["New cool-down after declined per offer: lasts 90 days"],
    ),
    ({"contact_policy": {"caps": [CAP], "reservation": "1h"}}, ["Contact policy: reservation 30 minutes → 1 hour"]),
    ({"rules": rule(when=["call_started", "purchase"])}, ["Rule churn-call now fires on purchase too"]),
    (
        {"rules": rule(when={"inactive": "30d"})},
        ["Rule churn-call: fires on call_started → no interaction for 30 days"],
    ),
    (
        {"rules": rule(propose="pen")},
        ["Rule churn-call now proposes pen too", "Rule churn-call no longer proposes mug"],
    ),
    ({"rules": rule(**{"for": "48h"})}, ["Rule churn-call: waits for 1 day → 2 days"]),
    ({"rules": rule(on="web")}, ["Rule churn-call: channels all → web"]),
    (
        {"rules": rule(**{"if": "customer.age > 4"})},
        ["Rule churn-call: condition `customer.age > 3` → `customer.age > 4`"],
    ),
    ({"rules": []}, ["Rule churn-call is removed"]),
    ({"segments": {"young": "customer.age < 40"}}, ["Segment young: `customer.age < 30` → `customer.age < 40`"]),
    (
        {"campaigns": cells(80, 20)},
        [
            "Campaign spring, program gifts, cell all: share 90 → 80 %",
            "Campaign spring, program gifts, cell control: share 10 → 20 %",
        ],
    ),
    ({"campaigns": campaign(lever=20)}, ["Campaign spring: lever 0 → 20 %"]),
    ({"campaigns": campaign(budget=5000)}, ["Campaign spring: budget none → 5,000 EUR"]),
    ({"campaigns": campaign(starts="2026-03-01")}, ["Campaign spring: first day open → 2026-03-01"]),
    ({"arbitration": {"value": False}}, ["Arbitration: value yes → no"]),
    ({"session": {"idle": "1h"}}, ["Visit: idle 30 minutes → 1 hour", "Visit: feature viewed is removed"]),
    ({}, []),
]


GOAL = {"when": "purchase", "within": "20d", "outcome": "accepted", "amount": "event.amount"}
PRINTED = [{"id": "gifts", "cells": [{**CELLS[0], "code": "SPRING-A"}, *CELLS[1:]]}]
STOCKED = {"units": 700, "confirm": "accepted", "hold": "2h"}
OUTCOMES = policy().model_dump(by_alias=True, mode="json")["outcomes"]
SENT = {"class": "neutral", "implies": ["presented"], "hand_over": {"to": "web", "for": "48h"}}
TALKING = {**SENT, "hand_over": {**SENT["hand_over"], "counts": True}}  # type: ignore[dict-item]
FROM_TO: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"holdout": {"share": 2}}, "Universal holdout: none → 2 % of all customers, drawn as universal"),
    (
        {"holdout": {"share": 2}},
        {"holdout": {"share": 3}},
        "Universal holdout: 2 % of all customers, drawn as universal → 3 % of all customers, drawn as universal",
    ),
    (
        {},
        {"attribution": {"model": "weighted", "half_life": "3d"}},
        "Attribution of goal events: the last contact → all contacts by their weight, half of it after 3 days",
    ),
    ({}, {"placements": {"hero": {"default": "pen"}}}, "New placement hero: shows pen when nothing is chosen"),
    (
        {"placements": {"hero": {"default": "pen"}}},
        {"placements": {"hero": {"default": "mug"}}},
        "Placement hero: default pen → mug",
    ),
    (
        {},
        {"offers": changed("mug", goal=GOAL)},
        "Offer mug: goal none → purchase within 20 days is accepted worth its amount",
    ),
    (
        {"offers": changed("mug", goal=GOAL)},
        {"offers": changed("mug", goal={"when": "purchase", "within": "3d", "outcome": "accepted", "of": "decided"})},
        "Offer mug: goal purchase within 20 days is accepted worth its amount → "
        "purchase within 3 days of what was decided is accepted",
    ),
    ({}, {"offers": changed("mug", inventory=500)}, "Offer mug: inventory none → 500 units"),
    (
        {},
        {"offers": changed("mug", inventory=STOCKED)},
        "Offer mug: inventory none → 700 units, used once accepted, kept for a customer for 2 hours",
    ),
    (
        {"offers": changed("mug", inventory=500)},
        {"offers": changed("mug", inventory=700)},
        "Offer mug: inventory units 500 → 700",
    ),
    (
        {"campaigns": campaign(budget=10_000)},
        {"campaigns": campaign(budget=15_000)},
        "Campaign spring: budget amount 10,000 → 15,000 EUR",
    ),
    (
        {"campaigns": campaign(budget=10_000)},
        {"campaigns": campaign(budget={"amount": 10_000, "hold": "1d"})},
        "Campaign spring: budget kept for a customer 30 minutes → 1 day",
    ),
    ({"campaigns": campaign(budget=10_000)}, {}, "Campaign spring: budget 10,000 EUR → none"),
    (
        {},
        {"campaigns": campaign(programs=PRINTED)},
        "Campaign spring, program gifts, cell all: printed code none → SPRING-A",
    ),
    (
        {"outcomes": {**OUTCOMES, "silent": {"class": "neutral", "after": {"call": "1h"}}}},
        {"outcomes": {**OUTCOMES, "silent": {"class": "neutral", "after": {"call": "session_end"}}}},
        "Outcome silent: after call 1 hour → session_end",
    ),
    ({}, {"outcomes": {**OUTCOMES, "sent": SENT}}, "New outcome sent: neutral, waits on web for 2 days"),
    (
        {"outcomes": {**OUTCOMES, "sent": SENT}},
        {"outcomes": {**OUTCOMES, "sent": TALKING}},
        "Outcome sent: waits elsewhere: on web for 2 days → on web for 2 days, a contact of its own there",
    ),
]


@pytest.mark.parametrize(("before", "after", "expected"), FROM_TO, ids=[each[2] for each in FROM_TO])
def test_one_sentence_for_what_campaigns_may_cost_and_are_for(
    before: dict[str, Any], after: dict[str, Any], expected: str
) -> None:
    assert [each.text for each in differences(policy(**before), policy(**after))] == [expected]


@pytest.mark.parametrize(("over", "expected"), SENTENCES, ids=[each[1][0] if each[1] else "none" for each in SENTENCES])
def test_one_sentence_for_each_change(over: dict[str, Any], expected: list[str]) -> None:
    assert sorted(each.text for each in differences(policy(), policy(**over))) == sorted(expected)


GROUPS = [
    ({"campaigns": campaign(eligible="customer.age > 4")}, "Audiences"),
    ({"campaigns": campaign(ends="2027-01-01")}, "Dates"),
    ({"campaigns": cells(50, 50)}, "Cells"),
    ({"campaigns": campaign(lever=1)}, "Levers and arbitration"),
    ({"campaigns": campaign(goal="more")}, "Campaigns"),
    ({"offers": changed("mug", lever=5)}, "Offers"),
    ({"stages": {"new": "true"}}, "Audiences"),
    ({"wording": {"customer.age": "your age"}}, "Wording and quality"),
    ({"attributes": {"age": "int"}}, "Customers and events"),
]


@pytest.mark.parametrize(("over", "group"), GROUPS)
def test_changes_are_listed_by_what_they_are_about(over: dict[str, Any], group: str) -> None:
    found = differences(policy(), policy(**over))
    assert {each.group for each in found} == {group}


def test_where_names_what_stands_in_the_files() -> None:
    (found,) = differences(policy(), policy(offers=changed("mug", **{"class": "mandatory"})))
    assert found.where == ("offers", "mug", "class")


def test_other_files_comments_and_short_forms_are_no_difference() -> None:
    one = check({"a.yaml": "policy: {name: x}\nattributes: {age: int}\nsegments: {old: customer.age > 60}\n"})
    other = check(
        {"a.yaml": "# a comment\npolicy:\n  name: x\n", "b.yaml": "segments: {old: customer.age > 60}\n",
         "c.yaml": "attributes: {age: {type: int}}\n"}
    )  # fmt: skip
    assert one.policy is not None
    assert other.policy is not None
    assert one.revision != other.revision
    assert differences(one.policy, other.policy) == []


def test_what_long_texts_differ_in_is_seen() -> None:
    long = "x" * 300
    before, after = (changed("mug", name=f"{long}{end}{long}") for end in ("old", "new"))
    (found,) = differences(policy(offers=before), policy(offers=after))
    assert "old" in found.text
    assert "new" in found.text
    assert len(found.text) < 500


class Painted(Offer):
    """An offer of tomorrow, with a field that nobody here has heard of."""

    colour: str = "red"
    sizes: tuple[int, ...] = ()


def test_a_field_that_nobody_has_heard_of_shows() -> None:
    base = policy()
    mug = base.offers[0]

    def painted(**over: Any) -> Policy:
        known = {name: getattr(mug, name) for name in Offer.model_fields}
        return base.model_copy(update={"offers": (Painted.model_construct(**known, **over), *base.offers[1:])})

    assert [each.text for each in differences(painted(), painted(colour="blue"))] == ["Offer mug: colour red → blue"]
    assert [each.text for each in differences(painted(), painted(sizes=(3,)))] == ["Offer mug: sizes now also 3"]
    assert [each.text for each in differences(base, painted())] != []


def test_the_order_of_stages_shows_and_that_of_attributes_does_not() -> None:
    stages = {"a": "customer.age > 3", "b": "customer.age > 5"}
    turned = dict(reversed(stages.items()))
    found = differences(policy(stages=stages), policy(stages=turned))
    assert [each.text for each in found] == ["Stages stand in another order"]
    attributes = {"age": "int", "city": "string"}
    assert differences(policy(attributes=attributes), policy(attributes=dict(reversed(attributes.items())))) == []


def test_two_real_policies_are_told_apart_without_a_word_of_python() -> None:
    bank, telecom = (
        check(read_folder(f"examples/{name}")).policy for name in ("bank-contact-centre", "telecom-retention")
    )
    assert bank is not None
    assert telecom is not None
    for before, after in ((bank, telecom), (telecom, bank)):
        lines = [each.text for each in differences(before, after)]
        assert len(lines) > 50
        assert not [line for line in lines if any(each in line for each in PYTHON)]
    assert differences(bank, copy.deepcopy(bank)) == []


PYTHON = ("None", "True", "False", "()", "{'", "['", "=<", "object at", "datetime", "Decimal", "rolling=")
