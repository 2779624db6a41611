"""The policy that is benchmarked: any number of offers and rules, over the features of `World`.

Every offer is worded for two of six places and has a condition of its own on a feature; campaigns and programs have
others, which it inherits. Half of the offers are always on, the other half are proposed by rules, the same number for
each interaction type of the world, each rule with three terms. The contact policy has a consent, a requirement, quiet
hours, a suppression, a cool-down and three caps.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from rules.policy import Checked, check
from rules.ruleset import RuleSet, compile_rules
from schemas.ledger import LedgerEntry

RULES, TYPES = 500, 50
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PLACES = [(channel, place) for channel in ("web", "app", "call") for place in ("main", "side")]
ASKED = PLACES[0]
FEATURES = [f"f{number}" for number in range(20)]


@dataclass(frozen=True, slots=True)
class World:
    """What a policy of any size is about."""

    types: Mapping[str, Any]
    """Its interaction types."""
    asking: Sequence[str]
    """Those of them that rules wait for; each has an `amount`."""
    features: Mapping[str, Any]
    compared: Mapping[str, int | float]
    """The features that conditions compare with so many times this step, of the feature's own type."""
    segments: Mapping[str, str]
    tested: bool = False
    """Every third program compares two cells."""


COUNTED = World(
    types={f"t{n}": {"channel": "web", "fields": {"amount": "double!"}} for n in range(TYPES)},
    asking=[f"t{n}" for n in range(TYPES)],
    features={name: {"count": f"t{n}", "window": "30d"} for n, name in enumerate(FEATURES)},
    compared=dict.fromkeys(FEATURES, 1),
    segments={"busy": "customer.f0 > 3", "young": "customer.age < 30"},
)
"""Nothing but counts of 20 types, in windows."""


def policy(
    count: int, chance: random.Random, at_asked: int | None = None, world: World = COUNTED, rules: int = RULES
) -> dict[str, Any]:
    """A policy of so many offers; `at_asked`: so many of them for the place that asks, the others for other places."""
    offers = [_offer(number, chance, at_asked, world) for number in range(count)]
    return {
        "policy": {"name": "bench", "time_zone": "Europe/Lisbon"},
        "interactions": world.types,
        "outcomes": {
            "presented": {"class": "impression"},
            "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
            "declined": {"class": "negative", "implies": ["presented"], "ends": True},
        },
        "attributes": {"age": "int", "consent": "bool", "zone": "string"},
        "features": world.features,
        "segments": world.segments,
        "offers": offers,
        "campaigns": list(_campaigns([each["id"] for each in offers], world)),
        "rules": [_rule(number, count, chance, world) for number in range(rules)],
        "contact_policy": {
            "consents": [{"id": "all", "purpose": "marketing", "require": "customer.consent"}],
            "requirements": [{"id": "grown", "require": "customer.age >= 16"}],
            "quiet_hours": [{"id": "night", "from": "22:00", "until": "07:00"}],
            "suppressions": [{"id": "ignored", "after": 4, "of": "unanswered", "within": "30d", "for": "30d"}],
            "cool_downs": [{"after": "declined", "per": "offer", "for": "60d"}],
            "caps": [
                {"id": "weekly", "per": "customer", "at_most": 20, "within": "7d"},
                {"id": "category", "per": "category", "at_most": 6, "within": {"calendar": "month"}},
                {"id": "offer", "per": "offer", "at_most": 3, "within": "30d"},
            ],
            "customer_time_zone": "zone",
        },
        "arbitration": {"at_most_per_category": 2},
    }


def _offer(number: int, chance: random.Random, at_asked: int | None, world: World) -> dict[str, Any]:
    places = chance.sample(PLACES, 2)
    if at_asked is not None:
        places = [ASKED, PLACES[1]] if number < at_asked else chance.sample(PLACES[1:], 2)
    return {
        "id": f"o{number}",
        "name": f"Offer {number}",
        "value": chance.randint(1, 200),
        "category": f"k{number % 8}",
        "always": number % 2 == 0,
        "eligible": _compared(chance.choice(list(world.compared)), ">=", chance.randint(0, 6), world),
        "treatments": [
            {"id": f"o{number}-{channel}-{place}", "channel": channel, "placement": place, "content": {"title": "x"}}
            for channel, place in places
        ],
    }


def _compared(feature: str, how: str, number: int, world: World) -> str:
    return f"customer.{feature} {how} {number * world.compared[feature]}"


def _campaigns(offers: Sequence[str], world: World) -> Iterator[dict[str, Any]]:
    """Ten offers to a program, three programs to a campaign."""
    _, one, other, *_ = world.compared
    for c, at in enumerate(range(0, len(offers), 30)):
        programs = [
            {
                "id": f"c{c}p{p}",
                "applicable": _compared(one, "<", 9, world),
                "cells": list(_cells(f"c{c}p{p}", offers[first : first + 10], tested=world.tested and p == 0)),
            }
            for p, first in enumerate(range(at, min(at + 30, len(offers)), 10))
        ]
        suitable = f'!("young" in customer.segments) || {_compared(other, "<", 6, world)}'
        yield {"id": f"c{c}", "purpose": "marketing", "suitable": suitable, "programs": programs}


def _cells(program: str, offers: Sequence[str], *, tested: bool) -> Iterator[dict[str, Any]]:
    if tested:
        half = len(offers) // 2
        yield {"id": f"{program}-a", "share": 50, "offers": list(offers[:half])}
        yield {"id": f"{program}-b", "share": 45, "offers": list(offers[half:])}
    else:
        yield {"id": f"{program}-all", "share": 95, "offers": list(offers)}
    yield {"id": f"{program}-held", "share": 5, "holdout": True}


def _rule(number: int, count: int, chance: random.Random, world: World) -> dict[str, Any]:
    one, other = chance.sample(list(world.compared), 2)
    low, high = chance.randint(0, 5), chance.randint(4, 9)
    terms = _compared(one, ">=", low, world), _compared(other, "<", high, world)
    return {
        "id": f"r{number}",
        "when": world.asking[number % len(world.asking)],
        "if": f"{' && '.join(terms)} && event.amount > {chance.randint(0, 90)}.0",
        "propose": [f"o{chance.randrange(count)}"],
        "boost": 1.5,
    }


def checked(sections: dict[str, Any]) -> Checked:
    found = check(files_of(sections))
    errors = [str(each) for each in found.findings if each.severity == "error"]
    assert not errors, errors
    return found


def files_of(sections: dict[str, Any]) -> dict[str, str]:
    return {"policy.yaml": yaml.dump(sections, Dumper=yaml.CSafeDumper, sort_keys=False)}


def ruleset(sections: dict[str, Any]) -> RuleSet:
    return compile_rules(checked(sections))


def entry(number: int, candidate: Any, chance: random.Random, now_ms: int) -> LedgerEntry:
    """A treatment of the last 60 days; one in five was declined."""
    decided_ms = now_ms - chance.randrange(DAY_MS, 60 * DAY_MS)
    outcomes = {"presented": decided_ms + 1, **({"declined": decided_ms + 9} if chance.random() < 0.2 else {})}
    return LedgerEntry(
        code=f"code{number}",
        decision="0000-x",
        campaign=candidate.campaign.id,
        program=candidate.program.id,
        cell="all",
        offer=candidate.offer.id,
        treatment="t",
        channel="web",
        at_ms=decided_ms,
        until_ms=decided_ms + HOUR_MS,
        logged=True,
        presented=True,
        outcomes=outcomes,
    )
