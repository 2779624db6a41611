"""A policy that is taken apart and put together again decides, folds and explains as the one that it was."""

import random
import weakref
from pathlib import Path
from typing import TypeVar

import pytest

from app import ROOT
from app.crossing import BYTES, let_go, put_together, taken_apart
from app.examples import mismatches
from app.publishing import live_of
from bench import decide as bench
from bench.catalogue import files_of, policy
from consumers.live import LivePolicy
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from rules.policy import read_folder
from rules.ruleset import RuleSet
from schemas.decision import Facts
from tests.builders import NOON_MS, live
from tests.rules.worlds import policy_of, world

Value = TypeVar("Value")
EXAMPLES = sorted(each for each in (ROOT / "examples").iterdir() if list(each.rglob("*.yaml")))
POLICIES, CUSTOMERS = 20, 10


def pieces_of(value: Value) -> tuple[Value, list[object]]:
    """The value as it arrives, and what it is made of."""
    made: list[object] = []
    for step in taken_apart(value):
        for _ in put_together(step, made):
            pass
    found = made.pop()
    assert isinstance(found, type(value))
    return found, made


def crossed(value: Value) -> Value:
    return pieces_of(value)[0]


def decided(facts: Facts, rules: RuleSet, now_ms: int, seed: int) -> str:
    origin = Origin("0000-x", now_ms, 0, seed, 7, rules.revision, "none")
    return record(decide(facts, rules, NothingLearned(), now_ms, seed), facts, origin).model_dump_json()


@pytest.mark.parametrize("seed", range(POLICIES))
def test_it_decides_the_same(seed: int) -> None:
    here = policy_of(seed)
    there = crossed(here)
    for number in range(CUSTOMERS):
        each = world(here, 1_000 * seed + number)
        asked = (each.facts, each.now_ms, each.seed)
        assert decided(asked[0], there.ruleset, *asked[1:]) == decided(asked[0], here.ruleset, *asked[1:])


def test_so_does_a_catalogue_of_the_benchmarks() -> None:
    rules = live_of(files_of(policy(60, random.Random(1), rules=120))).ruleset
    there = crossed(rules)
    for facts in bench.customers(rules, random.Random(2)):
        assert decided(facts, there, bench.NOW_MS, 3) == decided(facts, rules, bench.NOW_MS, 3)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda each: each.name)
def test_the_examples_of_the_shops_hold(folder: Path) -> None:
    there = crossed(live_of(read_folder(folder)))
    assert there.ruleset.policy.examples
    assert [mismatches(each, there, NOON_MS) for each in there.ruleset.policy.examples] == [
        [] for _ in there.ruleset.policy.examples
    ]


def test_what_stands_in_several_places_is_one() -> None:
    here = policy_of(3)
    there = crossed(here)
    assert shared(here) == shared(there)
    assert shared(there)[0]


def shared(policy: LivePolicy) -> tuple[list[bool], int, int]:
    rules = policy.ruleset
    candidates = [each for found in rules.by_offer.values() for each in found]
    offers = {id(each) for each in rules.policy.offers}
    above = {id(view.above) for each in candidates for view in each.cells.values()}
    return [id(each.offer) in offers for each in candidates], len(above), len(candidates)


def test_what_googles_evaluator_answers_crosses() -> None:
    mixed = 'size({true: 1, "a": 2}) == 2 && customer.spend > 10.0'
    here = live(segments={"odd": mixed}).ruleset
    assert not here.classes.segments["odd"].generated
    there = crossed(here)
    for known in ({"customer.spend": 11.0}, {"customer.spend": 9.0}, {}):
        assert there.classes.classified(known) == here.classes.classified(known)


def test_steps_are_small() -> None:
    steps = list(taken_apart(live_of(files_of(policy(300, random.Random(1), rules=600)))))
    assert len(steps) > 50
    assert max(map(len, steps)) < 3 * BYTES


def test_it_goes_before_its_pieces_and_they_go_with_it() -> None:
    there, pieces = pieces_of(policy_of(3))
    seen, inmost = weakref.ref(there), weakref.ref(there.ruleset)
    count = len(pieces)
    del there
    assert seen() is None
    assert inmost() is not None
    assert len(pieces) == count
    let_go(pieces)
    assert inmost() is None
    assert not pieces


def test_what_knows_itself_does_not_cross() -> None:
    many: list[object] = list(range(200))
    many.append([many])
    with pytest.raises(ValueError, match="a list is in a cycle"):
        list(taken_apart(many))
