"""The ledger of one customer: what was proposed, decided, presented and answered.

Plain values that the profile store keeps as JSON and `rules` only reads. What has its default is left out there.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field

from schemas.cells import Cells
from schemas.stock import Taking

WHOLE_EVENT = 10_000
"""Shares of a goal event add up to this."""


class Credit(NamedTuple):
    """What of a goal event is due to a treatment."""

    outcome: str
    at_ms: int
    share: int
    """In ten-thousandths of the event."""
    amount: int
    """In ten-thousandths of the currency unit."""


class Inferred(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was inferred of a treatment. It follows from the goal events that the ledger still has, and is worked out
    again whenever one of them or a decision arrives; but for what is settled."""

    met: Mapping[str, int] = field(default_factory=dict)
    """The goal event that makes the customer one who has done what the program is for, and when."""
    outcomes: Mapping[str, int] = field(default_factory=dict)
    """When each happened that follows, in ms, with what it implies."""
    answers: bool = False
    """Whether any of them is an answer: while it stands, that none has come by itself is withdrawn."""
    credits: Mapping[str, Credit] = field(default_factory=dict)
    """By goal event."""
    settled: Mapping[str, Credit] = field(default_factory=dict)
    """By outcome, the sum of the events that are older than any window."""


class GoalEvent(Struct, frozen=True):
    """What a goal may need to know of an interaction."""

    id: str
    """A hash of its identity."""
    type: str
    at_ms: int
    channel: str
    data: Mapping[str, Any]
    """Those of its fields that goals look at."""


class LedgerEntry(Struct, frozen=True, omit_defaults=True):
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
    takes: dict[str, Taking] = field(default_factory=dict)
    """What was reserved for it, by supply."""
    used: dict[str, int] = field(default_factory=dict)
    """Of which an outcome has taken that for good, by supply, and when."""
    holdout: dict[str, bool] = field(default_factory=dict)
    """By universal holdout, where the policy had one: whether the customer was in it."""
    continues: str | None = None
    """The code with which the proposal began, where it was handed over from another channel."""
    same_contact: bool = False
    """It was handed over and is no contact of its own: it does not count towards caps."""
    inferred: Inferred | None = None
    """What came of it without a response code."""

    @property
    def root(self) -> str:
        """The code with which its proposal began: its own, unless it was handed over."""
        return self.continues or self.code

    def known_outcomes(self) -> dict[str, int]:
        """Whatever way they have come."""
        if self.inferred is None:  # as nearly always, in the middle of deciding
            return {**self.said, **self.outcomes} if self.said else self.outcomes
        coded = self.coded_outcomes()
        if self.inferred.answers and self.unanswered:
            coded = {name: at_ms for name, at_ms in coded.items() if name not in self.unanswered}
        return {**self.inferred.outcomes, **coded}

    def coded_outcomes(self) -> dict[str, int]:
        """Those that came back for its response code, or happened by themselves."""
        return {**self.said, **self.outcomes} if self.said else self.outcomes

    def matters_after(self, ms: int) -> bool:
        """Whether anything has happened to it since."""
        return self.at_ms > ms or self.latest_ms() > ms

    def latest_ms(self) -> int:
        """When something last happened to it."""
        inferred: Mapping[str, int] = self.inferred.outcomes if self.inferred else {}
        return max((self.at_ms, *self.outcomes.values(), *self.said.values(), *inferred.values()))


class Proposal(Struct, frozen=True):
    """Offers that a rule proposed when an interaction fired it, waiting for the next contact."""

    rule: str
    offers: tuple[str, ...]
    channels: tuple[str, ...]
    boost: float
    until_ms: int


def _always() -> tuple[Any, ...]:
    """A default that is written all the same."""
    return ()


class Ledger(Struct, frozen=True, omit_defaults=True):
    entries: tuple[LedgerEntry, ...] = field(default_factory=_always)
    """Oldest first."""
    proposals: tuple[Proposal, ...] = field(default_factory=_always)
    forgotten_ms: int = 0
    """The time of the newest entry that had to go because there were too many; 0 for none."""
    goal_events: tuple[GoalEvent, ...] = ()
    """Oldest first, as far back as they may still be due to another decision than it seems."""
    settled_ms: int = 0
    """What goal events before this time are due to is settled."""
    abroad: Mapping[str, Inferred] = field(default_factory=dict)
    """By response code, what was inferred here of treatments that stand in the ledgers of the customer's other
    identifiers."""
    cells: Cells = field(default_factory=dict)
    """The cells that the customer is in (profiles/cells.py)."""

    def entry(self, code: str) -> LedgerEntry | None:
        return next((each for each in self.entries if each.code == code), None)

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Ledger":
        return msgspec.convert(data, Ledger)

    def dumps(self) -> bytes:
        return ENCODER.encode(self)

    @staticmethod
    def loads(data: bytes) -> "Ledger":
        return DECODER.decode(data)


ENCODER = msgspec.json.Encoder()
DECODER = msgspec.json.Decoder(Ledger)
