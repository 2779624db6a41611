"""One customer on the way from record to record, and all that the commit at the end will hold."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from profiles.ledger import Counts
from profiles.profile import Profile
from profiles.store import NewKey, Record
from schemas.decision import Decision
from schemas.ledger import Ledger
from schemas.triggers import ActionKind

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Around:
    """What a step needs to know besides the customer, so that it can decide."""

    shard: int = 0
    salt: int = 0
    """How often response codes had to be drawn anew."""
    decision_keep_ms: int = 30 * DAY_MS
    cells: Mapping[str, str] = field(default_factory=dict)
    """Cell by program, where an example assigns it."""


@dataclass(slots=True)
class Step:
    subject: str
    profile: Profile
    ledger: Ledger
    around: Around = Around()
    now_ms: int = 0
    """When the log took the record in hand: what is decided while it is folded is decided then."""
    timers: dict[str, int | None] = field(default_factory=dict)
    """Due time in ms by name; None cancels."""
    counts: Counts = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)
    """What this step says: log records, actions, dead letters."""
    new_keys: list[NewKey] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)
    taken: list[ActionKind] = field(default_factory=list)
    """The kinds of the actions among the records."""
    early: int = 0
    """Interactions that said they happened after they arrived."""
    dropped: int = 0
    """Timers that had to go because there were too many."""

    def beside(self, now_ms: int = 0) -> "Step":
        """A step of its own for one record, so that what cannot be folded leaves nothing behind."""
        return Step(self.subject, self.profile, self.ledger, self.around, now_ms)

    def take(self, other: "Step") -> None:
        """Takes over what a step beside has come to."""
        self.profile, self.ledger = other.profile, other.ledger
        self.timers.update(other.timers)
        self.counts.update(other.counts)
        self.records += other.records
        self.new_keys += other.new_keys
        self.decided += other.decided
        self.taken += other.taken
        self.early += other.early
        self.dropped += other.dropped

    def is_stranger(self) -> bool:
        """Somebody of whom nothing is known but that we were asked about them."""
        return self.profile.first is None and not self.ledger.entries
