"""What a decision comes to: every candidate chosen, or left out for one reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rules.arbitration import Scored
from rules.candidates import Candidate
from rules.handing import Handed
from rules.reasons import Reason
from schemas.catalogue import Treatment
from schemas.decision import DefaultTreatment

Refusal = tuple[Reason, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """A treatment that won a slot."""

    placement: str
    rank: int
    """1 is best, within the placement."""
    scored: Scored
    cell: str
    treatment: Treatment
    content: Mapping[str, str]
    """Its texts, with the facts that they name."""
    handed: Handed | None = None
    """What it continues."""


class LeftOut(NamedTuple):
    """A candidate that was not chosen. There are many in a decision, so it is quick to make."""

    candidate: Candidate
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A candidate that would have won a slot, had the customer not been held out."""

    placement: str
    candidate: Candidate
    cell: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every candidate is either among the choices or left out, never both."""

    choices: tuple[Choice, ...]
    left_out: tuple[LeftOut, ...]
    held_back: tuple[HeldBack, ...]
    holdout: dict[str, bool] | None = None
    """By universal holdout, where the policy has one: whether the customer is in it."""
    defaults: tuple[DefaultTreatment, ...] = ()
    """Of the placements for which nothing was chosen."""

    @property
    def candidates(self) -> int:
        return len(self.choices) + len(self.left_out)
