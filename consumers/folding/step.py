"""One customer on the way from record to record, and all that the commit at the end will hold."""

from collections import Counter

from msgspec import Struct, field

from profiles.customer import Customer
from profiles.definition import Definition
from profiles.identity import NOBODY, Identity
from profiles.joining import joined
from profiles.ledger import Counts
from profiles.profile import Profile
from profiles.store import Record
from schemas.interaction import Interaction
from schemas.ledger import Ledger


class Step(Struct):
    subject: str
    profile: Profile
    ledger: Ledger
    identity: Identity = NOBODY
    now_ms: int = 0
    """When the log took the record in hand."""
    timers: dict[str, int | None] = field(default_factory=dict)
    """Due time in ms by name; None cancels."""
    counts: Counts = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)
    """What this step says: log records, actions, dead letters."""
    passed: list[Interaction] = field(default_factory=list)
    """Interactions whose rules are the owner's to judge, since the last parts were sent there."""
    conflicts: int = 0
    """Identifiers that could not be linked."""
    early: int = 0
    """Interactions that said they happened after they arrived."""
    folded_to: int = 0
    """Offset of the last record folded."""

    @staticmethod
    def of(customer: Customer) -> "Step":
        return Step(customer.subject, customer.profile, customer.ledger, customer.identity)

    def is_stranger(self) -> bool:
        """Somebody of whom nothing is known but that we were asked about them."""
        return self.profile.first is None and not self.ledger.entries and self.identity is NOBODY

    def whole(self, own: Profile, definition: Definition) -> Profile:
        """All that is known of the customer whose own part is this: the sum with the parts of others."""
        if not self.identity.sources:
            return own
        return joined([own, *(part.profile for part in self.identity.others().values())], definition)

    def touched(self) -> tuple[object, ...]:
        """Differs, by identity, once anything has happened to the step."""
        values = id(self.profile), id(self.ledger), id(self.identity), self.conflicts, self.early
        return *values, len(self.records), len(self.timers), len(self.counts), len(self.passed)
