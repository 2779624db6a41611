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
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bench.catalogue import ASKED, FEATURES, RULES, TYPES, entry, policy, ruleset
from bench.report import best_ns, print_figures, print_table
from rules.arbitration import NothingLearned
from rules.decide import Judgement, decide
from rules.ruleset import RuleSet
from schemas.base import at_ms
from schemas.decision import Facts
from schemas.ledger import Ledger

SEED, CUSTOMERS, REPEATS = 7, 40, 300
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOW_MS = at_ms(NOW)
SIZES = (10, 100, 1_000)


def customers(rules: RuleSet, chance: random.Random) -> list[Facts]:
    return [_customer(number, rules, chance) for number in range(CUSTOMERS)]


def _customer(number: int, rules: RuleSet, chance: random.Random) -> Facts:
    values: dict[str, Any] = {f"customer.{name}": chance.randrange(10) for name in FEATURES}
    values |= {"customer.age": chance.randrange(18, 80), "customer.consent": True, "now": NOW}
    values |= {"event.type": f"t{chance.randrange(TYPES)}", "event.amount": chance.uniform(0, 100)}
    offers = [each for found in rules.by_offer.values() for each in found]
    entries = [entry(n, chance.choice(offers), chance, NOW_MS) for n in range(12)]
    ledger = Ledger(tuple(sorted(entries, key=lambda each: each.at_ms)))
    return Facts(f"customer:{number}", ASKED[0], ((ASKED[1], 2),), values, ledger)


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
        "decide",
        {
            **{f"us_narrow_{count}": us for count, (us, _, _) in narrow.items()},
            **{f"us_{count}": us for count, (us, _, _) in figures.items()},
        },
        rules=RULES,
        features=len(FEATURES),
        customers=CUSTOMERS,
    )


if __name__ == "__main__":
    main()
