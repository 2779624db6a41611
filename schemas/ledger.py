"""The ledger of one customer: what was proposed, decided, presented and answered.

Plain values that the profile store keeps as JSON and `rules` only reads.
"""

from dataclasses import dataclass, field
from typing import Any

from schemas.cells import Cells


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One treatment of one decision."""

    code: str
    decision: str
    campaign: str
    program: str
    cell: str
    offer: str
    treatment: str
    channel: str
    at_ms: int
    """When it was decided."""
    until_ms: int
    """Until then it counts as if presented, unless an outcome says what became of it."""
    logged: bool = False
    """False: a reservation that the log has not confirmed yet."""
    transactional: bool = False
    """A service message: it does not count towards caps."""
    withheld: bool = False
    """Not made: the holdout kept it back. It counts towards the caps of what is held out, and nowhere else."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """When each outcome happened, in ms, as folded from the log."""
    presented: bool = False
    """An outcome of the class `impression` has been folded."""
    positive: bool = False
    said: dict[str, int] = field(default_factory=dict)
    """Outcomes that the API has taken in and the log has not confirmed yet."""
    amounts: dict[str, int] = field(default_factory=dict)
    """By outcome, in ten-thousandths of the currency unit."""
    awaits_ms: int = 0
    """When the outcome happens that stands for no answer; 0: none is awaited."""
    unanswered: dict[str, int] = field(default_factory=dict)
    """That outcome and when, once it has happened by itself and nothing has withdrawn it."""
    holdout: dict[str, bool] = field(default_factory=dict)
    """By universal holdout, where the policy had one: whether the customer was in it."""
    continues: str | None = None
    """The code with which the proposal began, where it was handed over from another channel."""
    same_contact: bool = False
    """It was handed over and is no contact of its own: it does not count towards caps."""

    def known_outcomes(self) -> dict[str, int]:
        return {**self.said, **self.outcomes} if self.said else self.outcomes

    def latest_ms(self) -> int:
        """When something last happened to it."""
        return max((self.at_ms, *self.outcomes.values(), *self.said.values()))

    def as_json(self) -> dict[str, Any]:
        return {name: value for name in _ENTRY_FIELDS if (value := getattr(self, name)) not in (False, {}, None)}


_ENTRY_FIELDS = tuple(LedgerEntry.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Offers that a rule proposed when an interaction fired it, waiting for the next contact."""

    rule: str
    offers: tuple[str, ...]
    channels: tuple[str, ...]
    boost: float
    until_ms: int

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _PROPOSAL_FIELDS}


_PROPOSAL_FIELDS = tuple(Proposal.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Ledger:
    entries: tuple[LedgerEntry, ...] = ()
    """Oldest first."""
    proposals: tuple[Proposal, ...] = ()
    forgotten_ms: int = 0
    """The time of the newest entry that had to go because there were too many; 0 for none."""
    cells: Cells = field(default_factory=dict)
    """The cells that the customer is in (profiles/cells.py)."""

    def as_json(self) -> dict[str, Any]:
        return {
            "entries": [entry.as_json() for entry in self.entries],
            "proposals": [proposal.as_json() for proposal in self.proposals],
            **({"forgotten_ms": self.forgotten_ms} if self.forgotten_ms else {}),
            **({"cells": self.cells} if self.cells else {}),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Ledger":
        return Ledger(
            entries=tuple(LedgerEntry(**entry) for entry in data.get("entries", ())),
            forgotten_ms=data.get("forgotten_ms", 0),
            cells=data.get("cells", {}),
            proposals=tuple(
                Proposal(**{**p, "offers": tuple(p["offers"]), "channels": tuple(p["channels"])})
                for p in data.get("proposals", ())
            ),
        )
