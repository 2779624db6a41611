"""One customer on the way from record to record, and all that the commit at the end will hold."""

from collections import Counter
from dataclasses import dataclass, field

from profiles.ledger import Counts
from profiles.profile import Profile
from profiles.store import Erasure, Record
from schemas.ledger import Ledger


@dataclass(slots=True)
class Step:
    subject: str
    profile: Profile
    ledger: Ledger
    timers: dict[str, int | None] = field(default_factory=dict)
    """Due time in ms by name; None cancels."""
    counts: Counts = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)
    """What this step says: log records, actions, dead letters."""
    erasures: list[Erasure] = field(default_factory=list)
    """Everything else here is of the time after them."""
    passed_over: list[str] = field(default_factory=list)
    """Records (stream ids) that came of what was erased."""
    early: int = 0
    """Interactions that said they happened after they arrived."""

    def is_stranger(self) -> bool:
        """Somebody of whom nothing is known but that we were asked about them."""
        return self.profile.first is None and not self.ledger.entries
