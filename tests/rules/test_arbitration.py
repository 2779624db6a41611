"""Scores: what a model says is kept within its bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from rules.candidates import Candidate
from rules.decide import decide
from schemas.decision import Facts
from schemas.ledger import Ledger
from tests.builders import NOON_MS, live


@dataclass(frozen=True, slots=True)
class Says:
    """A model that says the same of every offer."""

    propensity_of_all: float
    version: str = "m1"

    def propensity(self, candidates: Sequence[Candidate], values: Mapping[str, Any]) -> Sequence[float]:
        return [self.propensity_of_all] * len(candidates)


@pytest.mark.parametrize(("said", "used"), [(0.0, 0.001), (0.0004, 0.001), (0.3, 0.3), (0.9999, 0.999), (1.0, 1.0)])
def test_a_propensity_is_never_certain_unless_nothing_is_learned(said: float, used: float) -> None:
    facts = Facts("customer:alice", "web", (("hero", 1),), {}, Ledger(), {"gifts": "all"})
    (choice,) = decide(facts, live().ruleset, Says(said), NOON_MS, 1).choices
    assert choice.scored.factors["propensity"] == used
    assert choice.scored.score == pytest.approx(10 * used)


def test_an_exponent_of_zero_switches_it_off() -> None:
    policy = live(arbitration={"propensity_exponent": 0})
    facts = Facts("customer:alice", "web", (("hero", 1),), {}, Ledger(), {"gifts": "all"})
    (choice,) = decide(facts, policy.ruleset, Says(0.2), NOON_MS, 1).choices
    assert choice.scored.factors["propensity"] == 1
