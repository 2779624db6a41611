"""One guarded batch of one shard: what it asks of Redis, and what its records make of the customers."""

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumers.log import LogRecord
from consumers.redis_streams import stream_id
from profiles import keys
from profiles.profile import Customer
from profiles.scripts import Batch
from profiles.store import Commit, CustomerStore, customer_from

POSITION = "off:out:0"
"""The position's field in the guard, `off:<topic>:<partition>`: a shard's outbox is one partition."""


class Fold(Protocol):
    """What the records of one customer make of that customer. Pure."""

    def __call__(self, customer: Customer, records: Sequence[LogRecord]) -> Commit: ...


@dataclass(slots=True)
class Shard:
    """What a worker knows about a shard it owns."""

    nonce: str
    position: int
    consumed: deque[int]
    """Offsets of the latest records folded, as far back as the outbox is kept."""
    commits: int = 0
    """How many the last batch had: the guard must still say so."""


class GuardedBatch:
    """The records of one shard on their way through BEGIN, APPLY and END."""

    def __init__(self, store: CustomerStore, number: int, records: list[LogRecord]) -> None:
        self._store = store
        self.number = number
        self.records = records
        self.nonce = secrets.token_hex(8)
        self.last_offset = records[-1].offset
        self._by_subject: dict[str, list[LogRecord]] = {}
        for record in records:
            self._by_subject.setdefault(record.subject, []).append(record)
        self._customers: list[Customer] = []

    @property
    def commits(self) -> int:
        return len(self._by_subject)

    def add_begin(self, trip: Batch, shard: Shard) -> None:
        expected = [shard.nonce, shard.commits, POSITION, shard.position]
        trip.call("begin", [keys.guard(self.number)], [*expected, self.nonce])
        for subject in self._by_subject:
            self._store.add_read(trip, subject)

    def take_begin(self, answers: Iterator[Any]) -> bool:
        """Takes this batch's answers; False if the guard was not as expected."""
        opened: bool = next(answers)[0] == b"OK"
        self._customers = [customer_from(subject, next(answers)) for subject in self._by_subject]
        return opened

    def folded(self, fold: Fold) -> list[Commit]:
        return [fold(customer, self._by_subject[customer.subject]) for customer in self._customers]

    async def folded_again(self, subjects: Sequence[str], fold: Fold) -> list[Commit]:
        """The commits of customers that somebody else changed meanwhile, read and folded anew."""
        trip = self._store.scripts.batch()
        for subject in subjects:
            self._store.add_read(trip, subject)
        answers = zip(subjects, await trip.run(), strict=True)
        self._customers = [customer_from(subject, answer) for subject, answer in answers]
        return self.folded(fold)

    def add_apply(self, trip: Batch, commits: Sequence[Commit], trim_before: int | None) -> None:
        for commit in commits:
            self._store.add_commit(trip, commit, self.nonce)
        trim = "" if trim_before is None else stream_id(trim_before)
        where = [keys.guard(self.number), keys.outbox(self.number)]
        trip.call("end", where, [self.nonce, self.commits, POSITION, self.last_offset, trim])
