"""What a decision costs between "the customer has been read" and "bytes to write", by stage.

    python -m bench.judging [OFFERS …]

The shop of `bench.decide`, with customers who have a profile of 30 interactions and a ledger of a dozen treatments as
they stand in Redis. Each stage is what the API runs (app/decisioning.py), without HTTP and Redis; of 100 decisions for
each of ten customers the best of each stage counts, and the figures are their means. Beside it stands what an empty
call of Python takes in the same minute.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from msgspec.structs import replace

from app.metrics import Metrics
from bench.catalogue import ASKED, DAY_MS, policy
from bench.decide import NOW_MS, SEED, customers, figures_of_machine
from bench.report import print_figures, print_table
from consumers.live import LivePolicy
from consumers.meter import count_decision
from profiles import ledger as ledgers
from profiles.decided import Kept, keys_of
from profiles.facts import Situation
from profiles.fold import fold
from profiles.joining import joined_ledger
from profiles.profile import Profile
from rules.answer import Origin, answered
from rules.arbitration import NothingLearned
from rules.decide import decide
from rules.policy import check
from schemas.decision import Facts
from schemas.interaction import Interaction
from schemas.ledger import Ledger

SIZES = (10, 200, 1_000)
CUSTOMERS, REPEATS = 10, 100
DECISION = "0003-1M8400000000000000000"


@dataclass(frozen=True, slots=True)
class Stored:
    """A customer as they stand in Redis, and what just happened to them."""

    subject: str
    profile: bytes
    ledger: bytes
    event: Interaction


def live_policy(count: int) -> LivePolicy:
    sections = policy(count, random.Random(SEED))
    return LivePolicy.compiled(check({"policy.yaml": yaml.safe_dump(sections, sort_keys=False)}))


def stored(live: LivePolicy) -> list[Stored]:
    chance = random.Random(SEED)
    return [_stored(facts, live, chance) for facts in customers(live.ruleset, chance)[:CUSTOMERS]]


def _stored(facts: Facts, live: LivePolicy, chance: random.Random) -> Stored:
    profile = Profile(attributes={"age": 40, "consent": True})
    for number in range(30):
        at_ms = NOW_MS - chance.randrange(20 * DAY_MS)
        profile = fold(profile, _event(facts, f"i{number}", f"t{chance.randrange(20)}", at_ms), live.definition)
    event = _event(facts, "now", facts.values["event.type"], NOW_MS)
    amount = {"amount": facts.values["event.amount"]}
    return Stored(facts.subject, profile.dumps(), facts.ledger.dumps(), replace(event, data=amount))


def _event(facts: Facts, name: str, kind: str, at_ms: int) -> Interaction:
    return Interaction(name, "bench", kind, facts.subject, "web", at_ms, {"amount": 3.0})


class Clock:
    """Nanoseconds of each stage of one decision."""

    def __init__(self) -> None:
        self.ns: dict[str, int] = {}

    def __call__(self, stage: str, run: Callable[[], Any]) -> Any:
        start = time.perf_counter_ns()
        found = run()
        self.ns[stage] = time.perf_counter_ns() - start
        return found


def one(customer: Stored, live: LivePolicy, meter: Metrics) -> dict[str, int]:
    """A decision, stage by stage."""
    clock, definition, ruleset = Clock(), live.definition, live.ruleset
    profile = clock("profile read", lambda: Profile.loads(customer.profile))
    known = clock("ledger read", lambda: Ledger.loads(customer.ledger))
    folded = clock("event folded", lambda: fold(profile, customer.event, definition))
    situation = Situation(customer.subject, folded, "web", NOW_MS, customer.event, {}, profile)
    values = clock("facts", lambda: live.facts.read(situation))
    seen = clock("ledger seen", lambda: ledgers.within(joined_ledger([known]), ruleset.lookback_ms, NOW_MS))
    facts = Facts(customer.subject, ASKED[0], ((ASKED[1], 2),), values, seen)
    judgement = clock("decide", lambda: decide(facts, ruleset, NothingLearned(), NOW_MS, SEED))
    origin = Origin(DECISION, NOW_MS, 3, SEED, 0, live.revision, "none")
    made = clock("answer and record", lambda: answered(judgement, facts, origin))
    entries = clock("entries", lambda: ledgers.entries_of(made, NOW_MS, definition))
    after = clock("reserved", lambda: ledgers.reserved(known, entries, NOW_MS, definition))
    clock("ledger written", after.dumps)
    clock("keys", lambda: keys_of(entries, DECISION, made.record, customer.subject, Kept(3, DAY_MS, definition)))
    clock("counted", lambda: count_decision(meter, made))
    return clock.ns


def measured(count: int) -> dict[str, float]:
    """Microseconds by stage."""
    live, meter = live_policy(count), Metrics()
    sums: dict[str, float] = {}
    for customer in stored(live):
        best: dict[str, int] = {}
        for _ in range(REPEATS):
            for stage, ns in one(customer, live, meter).items():
                best[stage] = min(best.get(stage, ns), ns)
        for stage, ns in best.items():
            sums[stage] = sums.get(stage, 0.0) + ns / CUSTOMERS / 1e3
    return {**sums, "all": sum(sums.values())}


def main() -> None:
    sizes = [int(each) for each in sys.argv[1:] if each.isdecimal()] or SIZES
    found = {count: measured(count) for count in sizes}
    rows = [["µs a decision at … offers", *(f"{count:,}" for count in sizes)]]
    rows += [[stage, *(f"{found[count][stage]:.1f}" for count in sizes)] for stage in found[sizes[0]]]
    print_table(rows)
    print(f"\nan empty call takes {figures_of_machine():.0f} ns\n")
    print_figures("judging", {f"us_{count}": each["all"] for count, each in found.items()})


if __name__ == "__main__":
    main()
