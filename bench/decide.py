"""`decide()` alone: 10, 100 and 1,000 offers, 500 rules, 20 features.

    python -m bench.decide [--profile]

A shop with three channels of two placements each. Every offer is worded for two of the six places and has a condition
of its own on a feature; campaigns and programs have others, which it inherits. Half of the offers are always on, the
other half are proposed by rules: 500 of them, ten for each of fifty interaction types, each with three terms. The
contact policy has a consent, a requirement, quiet hours, a suppression, a cool-down and three caps, and each customer
a ledger of a dozen treatments. One request asks for two treatments at one placement, with an event. Nothing is
learned. For each of 40 customers the best of 300 decisions counts; the figure is their mean. Beside it stands what an
empty call of Python takes in the same minute, so that figures of a busy machine can be told from those of a quiet one.

In the second table 20 offers have words for the place that asks, however many there are for others.
"""

from __future__ import annotations

import cProfile
import pstats
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import yaml

from bench.report import best_ns, print_figures, print_table
from rules.arbitration import NothingLearned
from rules.decide import Judgement, decide
from rules.policy import check
from rules.ruleset import RuleSet, compile_rules
from schemas.base import at_ms
from schemas.decision import Facts
from schemas.ledger import Ledger, LedgerEntry

SEED, RULES, TYPES, CUSTOMERS, REPEATS = 7, 500, 50, 40, 300
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOW_MS = at_ms(NOW)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PLACES = [(channel, place) for channel in ("web", "app", "call") for place in ("main", "side")]
ASKED = PLACES[0]
SIZES = (10, 100, 1_000)
FEATURES = [f"f{number}" for number in range(20)]


def policy(count: int, chance: random.Random, at_asked: int | None = None) -> dict[str, Any]:
    """A policy of so many offers; `at_asked`: so many of them for the place that asks, the others for other places."""
    offers = [_offer(number, chance, at_asked) for number in range(count)]
    return {
        "policy": {"name": "bench", "time_zone": "Europe/Lisbon"},
        "interactions": {f"t{n}": {"channel": "web", "fields": {"amount": "double!"}} for n in range(TYPES)},
        "outcomes": {
            "presented": {"class": "impression"},
            "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
            "declined": {"class": "negative", "implies": ["presented"], "ends": True},
        },
        "attributes": {"age": "int", "consent": "bool", "zone": "string"},
        "features": {name: {"count": f"t{n}", "window": "30d"} for n, name in enumerate(FEATURES)},
        "segments": {"busy": "customer.f0 > 3", "young": "customer.age < 30"},
        "offers": offers,
        "campaigns": list(_campaigns([each["id"] for each in offers])),
        "rules": [_rule(number, count, chance) for number in range(RULES)],
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


def _offer(number: int, chance: random.Random, at_asked: int | None) -> dict[str, Any]:
    places = chance.sample(PLACES, 2)
    if at_asked is not None:
        places = [ASKED, PLACES[1]] if number < at_asked else chance.sample(PLACES[1:], 2)
    return {
        "id": f"o{number}",
        "name": f"Offer {number}",
        "value": chance.randint(1, 200),
        "category": f"k{number % 8}",
        "always": number % 2 == 0,
        "eligible": f"customer.{chance.choice(FEATURES)} >= {chance.randint(0, 6)}",
        "treatments": [
            {"id": f"o{number}-{channel}-{place}", "channel": channel, "placement": place, "content": {"title": "x"}}
            for channel, place in places
        ],
    }


def _campaigns(offers: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Ten offers to a program, three programs to a campaign."""
    for c, at in enumerate(range(0, len(offers), 30)):
        programs = [
            {
                "id": f"c{c}p{p}",
                "applicable": "customer.f1 < 9",
                "cells": [
                    {"id": f"c{c}p{p}-all", "share": 95, "offers": list(offers[first : first + 10])},
                    {"id": f"c{c}p{p}-held", "share": 5, "holdout": True},
                ],
            }
            for p, first in enumerate(range(at, min(at + 30, len(offers)), 10))
        ]
        suitable = '!("young" in customer.segments) || customer.f2 < 6'
        yield {"id": f"c{c}", "purpose": "marketing", "suitable": suitable, "programs": programs}


def _rule(number: int, count: int, chance: random.Random) -> dict[str, Any]:
    one, other = chance.sample(FEATURES, 2)
    low, high = chance.randint(0, 5), chance.randint(4, 9)
    return {
        "id": f"r{number}",
        "when": f"t{number % TYPES}",
        "if": f"customer.{one} >= {low} && customer.{other} < {high} && event.amount > {chance.randint(0, 90)}.0",
        "propose": [f"o{chance.randrange(count)}"],
        "boost": 1.5,
    }


def ruleset(sections: dict[str, Any]) -> RuleSet:
    checked = check({"policy.yaml": yaml.safe_dump(sections, sort_keys=False)})
    errors = [str(each) for each in checked.findings if each.severity == "error"]
    assert not errors, errors
    return compile_rules(checked)


def customers(rules: RuleSet, chance: random.Random) -> list[Facts]:
    return [_customer(number, rules, chance) for number in range(CUSTOMERS)]


def _customer(number: int, rules: RuleSet, chance: random.Random) -> Facts:
    values: dict[str, Any] = {f"customer.{name}": chance.randrange(10) for name in FEATURES}
    values |= {"customer.age": chance.randrange(18, 80), "customer.consent": True, "now": NOW}
    values |= {"event.type": f"t{chance.randrange(TYPES)}", "event.amount": chance.uniform(0, 100)}
    offers = [each for found in rules.by_offer.values() for each in found]
    entries = [_entry(n, chance.choice(offers), chance) for n in range(12)]
    ledger = Ledger(tuple(sorted(entries, key=lambda each: each.at_ms)))
    return Facts(f"customer:{number}", ASKED[0], ((ASKED[1], 2),), values, ledger)


def _entry(number: int, candidate: Any, chance: random.Random) -> LedgerEntry:
    decided_ms = NOW_MS - chance.randrange(DAY_MS, 60 * DAY_MS)
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


def each_once(rules: RuleSet, asking: Sequence[Facts]) -> list[Judgement]:
    models = NothingLearned()
    return [decide(facts, rules, models, NOW_MS, SEED) for facts in asking]


def measured(sections: dict[str, Any]) -> tuple[float, float, float]:
    """Microseconds for a decision; candidates, and those that are worded for the place."""
    rules = ruleset(sections)
    asking = customers(rules, random.Random(SEED))
    judgements = each_once(rules, asking)
    us = sum(best_ns(partial(each_once, rules, [facts]), REPEATS) for facts in asking) / len(asking) / 1e3
    unworded = sum(each.reason == "no_treatment" for one in judgements for each in one.left_out)
    candidates = sum(each.candidates for each in judgements)
    return us, candidates / len(asking), (candidates - unworded) / len(asking)


def figures_of_machine() -> float:
    """Nanoseconds of an empty call: the least of many, as all figures here."""
    return best_ns(partial(_calls, 1_000), 300) / 1_000


def _calls(count: int) -> None:
    for _ in range(count):
        _nothing()


def _nothing() -> None:
    return None


def profile(count: int) -> None:
    rules = ruleset(policy(count, random.Random(SEED)))
    asking = customers(rules, random.Random(SEED))
    each_once(rules, asking)
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(50):
        each_once(rules, asking)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    if "--profile" in sys.argv:
        profile(100)
        return
    print(f"{RULES} rules, {len(FEATURES)} features, {CUSTOMERS} customers; a decision takes\n")
    figures = {count: measured(policy(count, random.Random(SEED))) for count in SIZES}
    rows = [["offers", "µs", "candidates", "worded for the place"]]
    rows += [[f"{n:,}", f"{us:.1f}", f"{all_:.1f}", f"{worded:.1f}"] for n, (us, all_, worded) in figures.items()]
    print_table(rows)
    print("\n20 offers for the place that asks; the others are for other places\n")
    narrow = {count: measured(policy(count, random.Random(SEED), at_asked=20)) for count in (20, 100, 1_000)}
    rows = [["offers", "µs", "candidates", "worded for the place"]]
    rows += [[f"{n:,}", f"{us:.1f}", f"{all_:.1f}", f"{worded:.1f}"] for n, (us, all_, worded) in narrow.items()]
    print_table(rows)
    print(f"\nan empty call takes {figures_of_machine():.0f} ns\n")
    print_figures(
        {
            **{f"us_narrow_{count}": us for count, (us, _, _) in narrow.items()},
            **{f"us_{count}": us for count, (us, _, _) in figures.items()},
        }
    )


if __name__ == "__main__":
    main()
