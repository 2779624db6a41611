"""One customer on the way from record to record, and all that the commit at the end will hold."""

from collections import Counter
from collections.abc import Mapping, Set

from msgspec import Struct, field

from profiles.customer import Customer
from profiles.definition import Definition
from profiles.holds import Act, Move
from profiles.identity import NOBODY, Identity
from profiles.joining import joined, joined_ledger
from profiles.ledger import Counts
from profiles.profile import Profile, Visit
from profiles.store import Erasure, NewKey, Record
from rules.answer import Answered
from schemas.interaction import Interaction
from schemas.ledger import Ledger
from schemas.triggers import ActionKind

DAY_MS = 86_400_000


class Around(Struct, frozen=True):
    """What a step needs to know besides the customer, so that it can decide."""

    shard: int = 0
    salt: int = 0
    """How often response codes had to be drawn anew."""
    decision_keep_ms: int = 30 * DAY_MS
    again: bool = False
    """A log is folded again, from which erased lives were removed, into ledgers that hold no reservations."""
    cells: Mapping[str, str] = field(default_factory=dict)
    """Cell by program, where an example assigns it."""
    stock: Mapping[str, int] = field(default_factory=dict)
    """What is left of each supply within reach; all of it where an example does not say."""


class Step(Struct):
    subject: str
    profile: Profile
    ledger: Ledger
    identity: Identity = NOBODY
    around: Around = field(default_factory=Around)
    now_ms: int = 0
    """When the log took the record in hand: what is decided while it is folded is decided then."""
    timers: dict[str, int | None] = field(default_factory=dict)
    """Due time in ms by name; None cancels."""
    counts: Counts = field(default_factory=Counter)
    records: list[Record] = field(default_factory=list)
    """What this step says: log records, actions, dead letters."""
    new_keys: list[NewKey] = field(default_factory=list)
    decided: list[Answered] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    """What it moves in the stock of the shard."""
    taken: list[ActionKind] = field(default_factory=list)
    """The kinds of the actions among the records."""
    said: list[Interaction] = field(default_factory=list)
    """What the record in hand has made this step say, and is still to be folded."""
    left: Set[str] = frozenset()
    """Identities of what cannot be folded where it is said."""
    passed: list[Interaction] = field(default_factory=list)
    """Interactions whose rules are the owner's to judge, since the last parts were sent there."""
    settled: set[str] = field(default_factory=set)
    """Identifiers of whom the log says now what a request may have said ahead of it (profiles/linking.py)."""
    handed: list[tuple[int, str, Visit]] = field(default_factory=list)
    """Visits that are the owner's to sum up from now on, since the last parts were sent there: the offset of the record
    that made them so, the channel, the visit."""
    conflicts: int = 0
    """Identifiers that could not be linked."""
    erasures: list[Erasure] = field(default_factory=list)
    """Everything else here is of the time after them."""
    told: list[Record] = field(default_factory=list)
    """What follows from erasures, said before all other records and whoever is erased after it."""
    forgotten: list[Erasure] = field(default_factory=list)
    """Others who were erased, and whom this one has known."""
    passed_over: list[str] = field(default_factory=list)
    """Records (stream ids) that came of what was erased."""
    early: int = 0
    """Interactions that said they happened after they arrived."""
    dropped: int = 0
    """Timers that had to go because there were too many."""
    folded_to: int = 0
    """Offset of the last record folded."""
    offset: int = 0
    """Of the record in hand."""
    judged: tuple[Ledger, Identity] = (Ledger(), NOBODY)
    """What goals were judged on last (consumers/folding/goals.py)."""

    @staticmethod
    def of(customer: Customer, around: Around, left: Set[str] = frozenset()) -> "Step":
        ledger, identity = customer.ledger, customer.identity
        return Step(customer.subject, customer.profile, ledger, identity, around, left=left, judged=(ledger, identity))

    def is_stranger(self) -> bool:
        """Somebody of whom nothing is known but that we were asked about them."""
        return self.profile.first is None and not self.ledger.entries and self.identity is NOBODY

    def whole(self, own: Profile, definition: Definition) -> Profile:
        """All that is known of the customer whose own part is this: the sum with the parts of others."""
        if not self.identity.sources:
            return own
        return joined([own, *(part.profile for part in self.identity.others().values())], definition)

    def whole_ledger(self) -> Ledger:
        """What was said to the customer, under whatever identifier."""
        return joined_ledger([self.ledger, *(part.ledger for part in self.identity.others().values())])

    def stock(self) -> Mapping[str, int]:
        """What is left after what this step has reserved."""
        found = dict(self.around.stock)
        for each in self.moves:
            if each.act is Act.HOLD and each.supply in found:
                found[each.supply] -= each.amount
        return found

    def touched(self) -> tuple[object, ...]:
        """Differs, by identity, once anything has happened to the step."""
        values = id(self.profile), id(self.ledger), id(self.identity), self.conflicts, self.early
        return *values, len(self.records), len(self.timers), len(self.counts), len(self.passed)
