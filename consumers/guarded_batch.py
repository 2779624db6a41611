"""One guarded batch of one shard: what it asks of Redis, and what its records make of the customers.

Batches of several shards share their round trips (consumers/together.py). So each puts what it asks into a trip, and
takes its answers from those of the trip, in the same order.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from consumers.log import LogRecord
from consumers.redis_streams import stream_id
from consumers.said import is_folded
from profiles.customer import Customer
from profiles.scripts import Batch
from profiles.shelf import NO_STOCK, Shelf, lefts
from profiles.stocks import Need
from profiles.store import Commit, Committed, CustomerStore, committed, customer_from

MOST_WAITING = 64
"""Commits are sent in parts of so many: some milliseconds of folding, some 150 kB."""

AGAIN = (Committed.CONFLICT, Committed.TAKEN, Committed.SHORT)
"""Answers after which a customer is read and folded again: with other response codes, if one was in use; with what is
left, if something was used up."""


class Fold(Protocol):
    """What the records of one customer make of that customer. Pure. Another `salt` draws other response codes."""

    @property
    def shelf(self) -> Shelf | None:
        """The supplies that it has to know the `stock` of: what is left of each."""

    def __call__(
        self,
        customer: Customer,
        records: Sequence[LogRecord],
        shard: int = 0,
        salt: int = 0,
        stock: Mapping[str, int] = NO_STOCK,
    ) -> Commit: ...


@dataclass(slots=True)
class Shard:
    """What a worker knows about a shard it owns."""

    nonce: str
    position: int
    consumed: deque[int]
    """Offsets of the latest records folded, as far back as the log is kept."""
    commits: int = 0
    """How many the last batch had: the guard must still say so."""


class GuardedBatch:
    """The records of one shard on their way through BEGIN, APPLY and END."""

    def __init__(self, store: CustomerStore, number: int, records: list[LogRecord], shelf: Shelf | None = None) -> None:
        self._store = store
        self._shelf = shelf
        self._stock = NO_STOCK
        self.number = number
        self.records = records
        self.nonce = secrets.token_hex(8)
        self.last_offset = records[-1].offset
        self._by_subject: dict[str, list[LogRecord]] = {}
        for record in records:
            if not is_folded(record):
                self._by_subject.setdefault(record.subject, []).append(record)
        self._read: list[tuple[str, Sequence[bytes | None]]] = []
        """Customers as they were read last, not parsed before their turn: what is in use stays small."""
        self._sent: list[str] = []
        self.salt = 0
        """How often response codes had to be drawn anew."""
        self.commits: int | None = None
        """How many customers have something to commit. Each raises the guard's `n` once, however often it is sent;
        one with nothing left needs no commit, since END holds only if BEGIN, and so all that was read, survives."""
        self.conflicts: list[str] = []
        """Customers that somebody else changed meanwhile, or whose new response codes are in use."""

    def begin(self, trip: Batch, shard: Shard) -> None:
        """BEGIN reads the customers itself: what a batch rests on must have been there when it began."""
        expected = [shard.nonce, shard.commits, self._store.log.position, shard.position]
        trip.call(
            "begin",
            self._store.begin_keys(self.number, self._by_subject),
            [*expected, self.nonce, stream_id(self.last_offset)],
        )
        self._read_stock(trip)

    def _read_stock(self, trip: Batch) -> None:
        if self._shelf is not None:
            self._shelf.add_read(trip, self.number)

    async def _take_stock(self, answers: Iterator[Any]) -> None:
        """What the shard has left; of what is used up, some is drawn first."""
        if self._shelf is None:
            return
        counts = self._shelf.counted(next(answers))
        needs = {
            name: Need(each.most, each.most)
            for name, each in self._shelf.supplies.items()
            if counts[name].left < each.most
        }
        if needs and await self._store.stocks.draw(self.number, needs, self._shelf):
            counts = await self._store.stocks.read(self.number, self._shelf)
        self._stock = lefts(counts)

    async def begun(self, answers: Iterator[Any]) -> bool:
        """False if the guard was not as expected."""
        return await self._taken(self._by_subject, answers)

    async def _taken(self, subjects: Iterable[str], answers: Iterator[Any]) -> bool:
        answer = next(answers)
        await self._take_stock(answers)
        return self._take(subjects, answer)

    def _take(self, subjects: Iterable[str], answer: Sequence[Any]) -> bool:
        if answer[0] != b"OK":
            return False
        self._read = list(zip(subjects, answer[1:], strict=True))
        return True

    async def apply(self, trip: Batch, fold: Fold, trim_before: int | None) -> None:
        """Folds and puts the commits into the trip, END last; Redis does some while the next ones are folded. After a
        conflict, one with nothing left was my own retried write, which has been counted."""
        self._sent = []
        for subject, answer in self._read:
            records = self._by_subject[subject]
            commit = fold(customer_from(subject, answer), records, self.number, self.salt, self._stock)
            if commit.expected is None:
                continue
            self._store.add_commit(trip, commit, self.nonce)
            self._sent.append(subject)
            if trip.unsent >= MOST_WAITING:
                await trip.flush()
                await asyncio.sleep(0)  # who else is in this process has a turn
        if self.commits is None:
            self.commits = len(self._sent)
        trim = "" if trim_before is None else stream_id(trim_before)
        args = [self.nonce, self.commits, self._store.log.position, self.last_offset, trim]
        trip.call("end", self._store.end_keys(self.number), args)

    def closed(self, answers: Iterator[Any]) -> bool:
        """Whether END has moved the position. If not, and without conflicts, the shard is no longer ours."""
        results = [committed(each) for each in islice(answers, len(self._sent))]
        end = next(answers)
        self.conflicts = [subject for subject, each in zip(self._sent, results, strict=True) if each in AGAIN]
        self.salt += Committed.TAKEN in results
        return end[0] == b"OK" and not self.conflicts

    async def read_again(self) -> bool:
        """Reads the customers that met a conflict; False if the shard is no longer ours."""
        trip = self._store.scripts.batch()
        trip.call("read", self._store.read_keys(self.number, self.conflicts), [self.nonce])
        self._read_stock(trip)
        return await self._taken(self.conflicts, iter(await trip.run()))
