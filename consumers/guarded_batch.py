"""One guarded batch of one shard: what it asks of Redis, and what its records make of the customers."""

import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumers.log import LogRecord
from consumers.redis_streams import stream_id
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
        self.commits = 0
        """How many customers have something to commit. Each raises the guard's `n` once, however often it is sent;
        one with nothing left needs no commit, since END holds only if BEGIN, and so all that was read, survives."""

    def add_begin(self, trip: Batch, shard: Shard) -> None:
        """BEGIN reads the customers itself: what a batch rests on must have been there when it began."""
        expected = [shard.nonce, shard.commits, POSITION, shard.position]
        trip.call(
            "begin",
            self._store.begin_keys(self.number, self._by_subject),
            [*expected, self.nonce, stream_id(self.last_offset)],
        )

    def take_begin(self, answer: Sequence[Any]) -> bool:
        """False if the guard was not as expected."""
        return self._take(self._by_subject, answer)

    def _take(self, subjects: Iterable[str], answer: Sequence[Any]) -> bool:
        if answer[0] != b"OK":
            return False
        self._customers = [customer_from(*each) for each in zip(subjects, answer[1:], strict=True)]
        return True

    def folded(self, fold: Fold) -> list[Commit]:
        commits = self.left(fold)
        self.commits = len(commits)
        return commits

    def left(self, fold: Fold) -> list[Commit]:
        """What the customers that were read last still need. After a conflict, one with nothing left was my own
        retried write, which has been counted."""
        commits = (fold(customer, self._by_subject[customer.subject]) for customer in self._customers)
        return [each for each in commits if each.expected is not None]

    async def read_again(self, subjects: Sequence[str]) -> bool:
        """Reads customers that somebody else changed meanwhile; False if the shard is no longer ours."""
        trip = self._store.scripts.batch()
        trip.call("read", self._store.read_keys(self.number, subjects), [self.nonce])
        (answer,) = await trip.run()
        return self._take(subjects, answer)

    def add_apply(self, trip: Batch, commits: Sequence[Commit], trim_before: int | None) -> None:
        for commit in commits:
            self._store.add_commit(trip, commit, self.nonce)
        trim = "" if trim_before is None else stream_id(trim_before)
        trip.call(
            "end", self._store.end_keys(self.number), [self.nonce, self.commits, POSITION, self.last_offset, trim]
        )
