"""Cells: stable under any change of shares, shares as authored, chance that is independent of the universal holdout."""

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.live import LivePolicy
from profiles.cells import folded, joined_cells, known_now
from profiles.joining import joined_ledger
from profiles.ledger import entries_of, fold_decision, reserved, within
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.cells import assign, kept, shares_of, universal_shares
from rules.decide import decide
from rules.replay import differences, replayed
from schemas.catalogue import Cell, UniversalHoldout
from schemas.cells import HOLDOUT, Cells
from schemas.decision import DecisionRecord, Facts
from schemas.ledger import Ledger
from tests.builders import HOUR, NOON_MS, entry, live

SEEDS = int(os.environ.get("CELLS", "12"))
PROGRAMS = ("p", "q")
NAMES = ("a", "b", "c", "d")


@dataclass
class Customer:
    """Somebody, with what they must be in from the first offer on that was made or withheld."""

    subject: str
    ledger: Ledger = field(default_factory=Ledger)
    cells: dict[str, str] = field(default_factory=dict)
    is_held_out: dict[str, bool] = field(default_factory=dict)


def revision(chance: random.Random) -> LivePolicy:
    """Two programs of an offer each, with whatever cells and shares; perhaps a universal holdout."""
    programs = [{"id": name, "cells": _cells(chance, f"offer-{name}")} for name in PROGRAMS]
    place = {"channel": "web", "placement": "hero", "content": {"title": "x"}}
    offers = [
        {"id": f"offer-{each}", "name": each, "always": True, "treatments": [{"id": each, **place}]}
        for each in PROGRAMS
    ]
    holdout = {"holdout": {"share": chance.choice([10, 30, 60]), "id": chance.choice(["one", "two"])}}
    return live(
        campaigns=[{"id": "c", "programs": programs}], offers=offers, **(holdout if chance.random() < 0.8 else {})
    )


def _cells(chance: random.Random, offer: str) -> list[dict[str, Any]]:
    names = chance.sample(NAMES, chance.randint(1, 4))
    cuts = sorted(chance.sample(range(1, 100), len(names) - 1))
    shares = [end - start for start, end in zip([0, *cuts], [*cuts, 100], strict=True)]
    return [
        {"id": name, "share": share, **({"holdout": True} if name == "d" else {"offers": [offer]})}
        for name, share in zip(names, shares, strict=True)
    ]


def decided(customer: Customer, policy: LivePolicy, now_ms: int, number: int) -> DecisionRecord:
    seen = within(joined_ledger([customer.ledger]), policy.ruleset.lookback_ms, now_ms)
    facts = Facts(customer.subject, "web", (("hero", 1 + number % 2),), {}, seen)
    origin = Origin(f"0000-{customer.subject}-{number}", now_ms, 0, number, 0, policy.revision, "none")
    made = record(decide(facts, policy.ruleset, NothingLearned(), now_ms, number), facts, origin)
    read_back = DecisionRecord.model_validate_json(made.model_dump_json(exclude_none=True))
    assert differences(read_back, replayed(read_back, policy.ruleset, NothingLearned())) == ()
    return read_back


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whoever_was_made_an_offer_or_withheld_one_stays(seed: int) -> None:
    """Over any sequence of revisions; what the log has not confirmed counts too."""
    chance = random.Random(seed)
    customers = [Customer(f"customer:{seed}-{number}") for number in range(40)]
    moved = 0
    for round_ in range(8):
        policy = revision(chance)
        for customer in customers:
            if chance.random() < 0.6:
                moved += asked(customer, policy, NOON_MS + round_ * HOUR, round_, chance)
    assert moved > 20, "the shares have hardly changed"


def asked(customer: Customer, policy: LivePolicy, now_ms: int, number: int, chance: random.Random) -> int:
    """One decision; how many programs would have had another cell for the customer by hash alone."""
    made = decided(customer, policy, now_ms, number)
    universal = policy.ruleset.policy.holdout
    if universal is not None:
        assert made.holdout is not None
        before = customer.is_held_out.get(universal.id, made.holdout[universal.id])
        assert made.holdout[universal.id] is before
    moved = 0
    told = [(each.offer, each.program, each.cell) for each in made.treatments]
    told += [(each.offer, each.program, each.cell) for each in made.withheld]
    for offer, program, cell in told:
        if cell != HOLDOUT:
            candidate = policy.ruleset.by_offer[offer][0]
            known = customer.cells.get(program)
            assert cell == (known if known in candidate.cells else cell)
            customer.cells[program] = cell
            moved += assign(candidate.shares, customer.subject) != cell
        customer.is_held_out |= made.holdout or {}
    entries = entries_of(made, now_ms, policy.definition)
    customer.ledger = reserved(customer.ledger, entries, now_ms, policy.definition)
    if chance.random() < 0.7:  # else the log is late, and only the reservation knows
        customer.ledger, _ = fold_decision(customer.ledger, made, now_ms, policy.definition)
    customer.ledger = Ledger.from_json(customer.ledger.as_json())
    return moved


@pytest.mark.parametrize("seed", range(SEEDS))
def test_new_customers_fall_into_the_shares_as_authored(seed: int) -> None:
    chance, count = random.Random(seed), 20_000
    cells = [Cell.model_validate(each) for each in _cells(chance, "offer")]
    shares = shares_of(f"c/{seed}", cells)
    found = Counter(assign(shares, f"customer:{number}") for number in range(count))
    for cell in cells:
        p = cell.share / 100
        assert abs(found[cell.id] - p * count) <= 5 * sqrt(count * p * (1 - p)) + 1e-9, (seed, cell)


@pytest.mark.parametrize("share", [2, 10, 50])
def test_the_universal_holdout_is_independent_of_cells(share: int) -> None:
    """Of every cell it holds its share; so of the cells of two programs together."""
    universal, count = universal_shares(UniversalHoldout(share=share)), 40_000
    cells = [Cell(id="a", share=50, offers=("o",)), Cell(id="b", share=50, offers=("o",))]
    one, other = shares_of("c/p", cells), shares_of("c/q", cells)
    all_of: Counter[tuple[str, str]] = Counter()
    held: Counter[tuple[str, str]] = Counter()
    for number in range(count):
        subject = f"customer:{number}"
        where = assign(one, subject), assign(other, subject)
        all_of[where] += 1
        held[where] += assign(universal, subject) == HOLDOUT
    p = share / 100
    assert len(all_of) == 4
    for where, total in all_of.items():
        assert abs(held[where] - p * total) <= 5 * sqrt(total * p * (1 - p)), where


def test_another_id_draws_anew() -> None:
    one, two = (universal_shares(UniversalHoldout(share=50, id=each)) for each in ("one", "two"))
    both = Counter((assign(one, f"customer:{n}"), assign(two, f"customer:{n}")) for n in range(4_000))
    assert min(both.values()) > 850


TIMES = st.lists(st.integers(1, 5), min_size=2, max_size=2).map(sorted)
KNOWN = st.dictionaries(
    st.sampled_from(["c/p", "c/q", "holdout universal"]),
    st.dictionaries(st.sampled_from(NAMES), TIMES, min_size=1).map(lambda known: [known]),
)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 9)), min_size=1), st.randoms())
def test_decisions_tell_the_same_cells_in_whatever_order(told: list[tuple[str, int]], chance: random.Random) -> None:
    def seen(order: list[tuple[str, int]]) -> Cells:
        found: Cells = {}
        for cell, at_ms in order:
            found = folded(found, [entry(cell=cell, at_ms=at_ms)])
        return found

    assert seen(told) == seen(chance.sample(told, len(told)))


def test_who_came_to_another_cell_as_theirs_was_gone_stays_there_when_it_is_back() -> None:
    drawn = [entry(cell="a", at_ms=3), entry(cell="b", at_ms=5), entry(cell="a", at_ms=4)]
    known = folded({}, drawn)
    assert kept(known, "spring/gifts", {"a", "b"}) == "b"
    assert kept(known, "spring/gifts", {"a"}) == "a"


def test_a_reservation_of_before_does_not_count_over_a_later_logged_one() -> None:
    ledger = Ledger((entry(cell="gone", at_ms=3, logged=False),), cells={"spring/gifts": [{"there": [5, 5]}]})
    assert kept(known_now(ledger), "spring/gifts", {"gone", "there"}) == "there"


@given(KNOWN, KNOWN, KNOWN)
def test_joining_is_a_semilattice(a: Cells, b: Cells, c: Cells) -> None:
    assert joined_cells([a, b]) == joined_cells([b, a])
    assert joined_cells([joined_cells([a, b]), c]) == joined_cells([a, joined_cells([b, c])])
    assert joined_cells([a, a]) == a


@given(st.lists(KNOWN, min_size=1), st.sets(st.sampled_from(NAMES)))
def test_of_what_each_identifier_was_told_last_the_earliest_counts(parts: list[Cells], there: set[str]) -> None:
    last = [kept(part, "c/p", there) for part in parts]
    told = [(part["c/p"][0][cell][0], cell) for part, cell in zip(parts, last, strict=True) if cell is not None]
    assert kept(joined_cells(parts), "c/p", there) == (min(told)[1] if told else None)
