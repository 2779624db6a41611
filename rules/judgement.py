"""What a decision comes to: every candidate chosen, or left out for one reason."""

from collections.abc import Mapping

from msgspec import Struct

from rules.arbitration import Scored
from rules.candidates import Candidate
from rules.handing import Handed
from rules.left_out import Fallen, LeftOut, Together, one_by_one
from rules.reasons import Reason
from schemas.catalogue import Treatment
from schemas.decision import DefaultTreatment

Refusal = tuple[Reason, str]


class Choice(Struct, frozen=True):
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


class HeldBack(Struct, frozen=True):
    """A candidate that would have won a slot, had the customer not been held out."""

    placement: str
    candidate: Candidate
    cell: str


class Judgement(Struct, frozen=True):
    """Every candidate is either among the choices or left out, never both."""

    choices: tuple[Choice, ...]
    fallen: tuple[Fallen, ...]
    """Who was left out, in the order in which they fell."""
    held_back: tuple[HeldBack, ...]
    holdout: dict[str, bool] | None = None
    """By universal holdout, where the policy has one: whether the customer is in it."""
    defaults: tuple[DefaultTreatment, ...] = ()
    """Of the placements for which nothing was chosen."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(one_by_one(self.fallen))

    @property
    def candidates(self) -> int:
        together = sum([len(each) - 1 for each in self.fallen if isinstance(each, Together)])
        return len(self.choices) + len(self.fallen) + together
