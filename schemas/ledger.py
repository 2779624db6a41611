"""The ledger of one customer: what was proposed, decided, presented and answered.

Plain values that the profile store keeps as JSON and `rules` only reads.
"""

from dataclasses import dataclass, field
from typing import Any


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
    outcomes: dict[str, int] = field(default_factory=dict)
    """When each outcome happened, in ms."""

    def as_json(self) -> dict[str, Any]:
        return {name: value for name in _ENTRY_FIELDS if (value := getattr(self, name)) not in (False, {})}


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

    def as_json(self) -> dict[str, Any]:
        return {
            "entries": [entry.as_json() for entry in self.entries],
            "proposals": [proposal.as_json() for proposal in self.proposals],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Ledger":
        return Ledger(
            entries=tuple(LedgerEntry(**entry) for entry in data.get("entries", ())),
            proposals=tuple(
                Proposal(**{**p, "offers": tuple(p["offers"]), "channels": tuple(p["channels"])})
                for p in data.get("proposals", ())
            ),
        )
