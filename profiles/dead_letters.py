"""Dead letters where they stand: read from either end, put back into the log, dropped."""

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from profiles import keys
from profiles.store import CustomerStore, Record
from schemas.dead_letter import DeadLetter

PAGE = 100
"""Letters that are read at once."""
ID = re.compile(r"(\d{4})-(\d{1,19})-(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class LetterId:
    """As people write it: shard, milliseconds and number, such as `0003-1767225600000-0`. Ordered by time."""

    ms: int
    number: int
    shard: int

    @staticmethod
    def parsed(text: str) -> "LetterId":
        """Raises ValueError."""
        found = ID.fullmatch(text)
        if found is None:
            raise ValueError(f"`{text}` is no id of a dead letter; one looks like 0003-1767225600000-0")
        return LetterId(int(found[2]), int(found[3]), int(found[1]))

    @property
    def at(self) -> str:
        """Its id in the stream."""
        return f"{self.ms}-{self.number}"

    def __str__(self) -> str:
        return f"{self.shard:04d}-{self.at}"


@dataclass(frozen=True, slots=True)
class Letter:
    id: LetterId
    record_id: str
    subject: str
    """Empty where nobody can tell."""
    what: DeadLetter

    @property
    def original(self) -> bytes:
        return base64.b64decode(self.what.original)

    @property
    def was_in_the_log(self) -> bool:
        """Of a shard; the intake knows those that it would not take from Kafka by their place."""
        what = self.what
        place = place_in_kafka(what.topic, what.partition, what.offset)
        return self.subject != "" and not (what.log == "kafka" and self.record_id == place)


def place_in_kafka(topic: str, partition: int, offset: int) -> str:
    return f"{topic}/{partition}/{offset}"


class PutBack(StrEnum):
    OK = "OK"
    GONE = "GONE"
    """There is no such letter any more."""
    ERASED = "ERASED"
    """Its subject is being erased, and the letter goes with the rest."""


class DeadLetterStreams:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    def shards_of(self, subject: str | None) -> tuple[int, ...]:
        return tuple(range(self._store.shards)) if subject is None else (self._store.shard(subject),)

    async def ends(self, shards: Sequence[int]) -> dict[int, str]:
        """The newest letter of each shard that has any (stream id)."""
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add("XREVRANGE", keys.dead_letters(shard), "+", "-", "COUNT", 1)
        found = zip(shards, await trip.run(), strict=True)
        return {shard: entries[0][0].decode() for shard, entries in found if entries}

    async def newest_first(self, shard: int, since_ms: int) -> AsyncIterator[list[Letter]]:
        """Page by page, back to this time."""
        before = "+"
        while page := await self._page(shard, "XREVRANGE", before, str(since_ms)):
            yield page
            before = f"({page[-1].id.at}"

    async def oldest_first(self, shard: int, since_ms: int, end: str) -> AsyncIterator[list[Letter]]:
        """Page by page, up to this one (stream id): a letter that comes meanwhile is not among them."""
        after = str(since_ms)
        while page := await self._page(shard, "XRANGE", after, end):
            yield page
            after = f"({page[-1].id.at}"

    async def newer(self, after: Mapping[int, str]) -> dict[int, list[Letter]]:
        """The next page of each shard behind these (stream ids), of all shards in one round trip; none where there
        are none."""
        trip = self._store.scripts.batch()
        for shard, at in after.items():
            trip.add("XRANGE", keys.dead_letters(shard), f"({at}", "+", "COUNT", PAGE)
        found = zip(after, await trip.run(), strict=True)
        return {shard: [_letter(shard, *entry) for entry in entries] for shard, entries in found if entries}

    async def _page(self, shard: int, command: str, first: str, last: str) -> list[Letter]:
        trip = self._store.scripts.batch()
        trip.add(command, keys.dead_letters(shard), first, last, "COUNT", PAGE)
        (entries,) = await trip.run()
        return [_letter(shard, *entry) for entry in entries]

    async def find(self, wanted: Sequence[LetterId]) -> list[Letter]:
        """Those that there are."""
        trip = self._store.scripts.batch()
        for each in wanted:
            trip.add("XRANGE", keys.dead_letters(each.shard), each.at, each.at)
        found = zip(wanted, await trip.run(), strict=True)
        return [_letter(each.shard, *entry) for each, entries in found for entry in entries]

    async def put_back(self, letters: Sequence[tuple[Letter, Record]]) -> list[PutBack]:
        """Each record into the log of its subject's shard, as if it came now, and its letter away: both or neither,
        and neither a second time. One for another shard goes there by the courier."""
        trip = self._store.scripts.batch()
        for letter, record in letters:
            here = letter.id.shard
            target = keys.outbox(here) if self._store.shard(record.subject) == here else keys.transit(here)
            where = [keys.dead_letters(here), target, keys.erasing(here)]
            trip.call("put_back", where, [letter.id.at, *record.args(), letter.what.at_ms])
        return [PutBack(answer[0].decode()) for answer in await trip.run()]

    async def drop(self, wanted: Sequence[LetterId]) -> int:
        """Returns how many there were."""
        trip = self._store.scripts.batch()
        for each in wanted:
            trip.add("XDEL", keys.dead_letters(each.shard), each.at)
        return sum(await trip.run())


def _letter(shard: int, at: bytes, fields: Mapping[bytes, bytes]) -> Letter:
    ms, _, number = at.decode().partition("-")
    older_ones_lack = {"partition": shard, "at_ms": int(ms)}
    body: dict[str, Any] = {**older_ones_lack, **orjson.loads(fields[b"body"])}
    return Letter(
        LetterId(int(ms), int(number), shard),
        record_id=fields[b"id"].decode(),
        subject=fields[b"subject"].decode(),
        what=DeadLetter.model_validate(body),
    )
