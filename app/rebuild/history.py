"""The log as Kafka has it, or the archive and Kafka after it, from the first record on: read once, into a spool.

What a record becomes is said by the very code of the intake. What was a dead letter then, is none of the history now.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

from app.errors import StartError
from app.rebuild.spool import Spool, Spooled
from consumers.answers import known_codes
from consumers.archive.names import Held
from consumers.archive.place import Place
from consumers.archive.reading import records, whole
from consumers.archive.rows import DECIDED
from consumers.dead_letters import InKafka
from consumers.kafka.decoding import Answer, Decoding, Fate, Taken, codes_of
from consumers.kafka.errors import LogMisfit
from consumers.kafka.ordering import TOPICS
from consumers.kafka.partitions import Bounds, PartitionReader
from consumers.kafka.reading import Part
from consumers.live import LivePolicy
from profiles.decided import KnownCode
from profiles.store import CustomerStore
from schemas.base import at_ms

MOST_EMPTY = 10
"""Fetches without a record after which a transaction must be open."""
FIRST = ("decisions", *(each for each in TOPICS if each != "decisions"))
"""What response codes stand for is known before the responses come."""

Pulse = Callable[[], Awaitable[None]]
"""Called again and again while it is read: whoever holds a shard must say so."""


class History:
    """`archive`: what Kafka has no more is read there."""

    def __init__(
        self,
        reader: PartitionReader,
        decoding: Decoding,
        policy: LivePolicy,
        store: CustomerStore,
        tell: Callable[[str], None],
        archive: Place | None = None,
    ) -> None:
        self.spool = Spool()
        self.dead = 0
        """Records that were passed over: nobody can read them, or their codes are not known."""
        self.unsigned: Counter[str] = Counter()
        """By topic, records passed over that say they are ours and are not signed with this process's secret."""
        self.unchecked = 0
        """Records that are signed, while this process has no secret to check them with."""
        self._reader = reader
        self._decoding = decoding
        self._policy = policy
        self._store = store
        self._tell = tell
        self._archive = archive
        self._read_to: dict[Part, int] = {}

    async def close(self) -> None:
        self.spool.close()
        await self._reader.close()

    async def begin(self) -> None:
        """Reads all that there is. Raises StartError where some of it is missing, LogMisfit and LogUnavailable."""
        bounds = await self._bounds()
        chains = await self._chains(bounds)
        for part, at in bounds.items():
            reached = chains[part][-1].last + 1 if part in chains else 0
            if at.begin > reached:
                raise _missing(part, reached, at.begin, self._archive is not None)
            self._read_to[part] = reached
        for part in self._in_order(bounds):
            if part in chains:
                await self._read_archive(part, chains[part], bounds[part])
        await self.extend({part: at.end for part, at in bounds.items()})

    async def extend(self, wanted: Mapping[Part, int], pulse: Pulse | None = None) -> None:
        """Reads on up to these offsets (exclusive)."""
        for part in self._in_order(wanted):
            if part not in self._read_to:
                raise StartError(
                    f"{part} is not in Kafka, though records of it were taken in", "was the topic made anew?"
                )
            if self._read_to[part] < wanted[part]:
                await self._read_kafka(part, wanted[part], pulse)

    def _in_order(self, parts: Mapping[Part, object]) -> list[Part]:
        return sorted(parts, key=lambda part: (FIRST.index(part.topic), part.number))

    async def _bounds(self) -> dict[Part, Bounds]:
        parts = [Part(topic, number) for topic in TOPICS for number in await self._reader.partitions(topic)]
        return await self._reader.bounds(parts)

    async def _chains(self, bounds: Mapping[Part, Bounds]) -> dict[Part, list[Held]]:
        """The archive's files of each partition. Raises LogMisfit."""
        if self._archive is None:
            return {}
        chains: dict[Part, list[Held]] = {}
        for topic in TOPICS:
            chains |= await asyncio.to_thread(whole, self._archive, topic)
        for part, files in chains.items():
            if part not in bounds or files[-1].last >= bounds[part].end:
                told = f"the archive of {part} goes on to offset {files[-1].last}, and Kafka does not"
                raise LogMisfit(told, hint="the topic was made anew: its archive is that of another log")
        return chains

    async def _read_archive(self, part: Part, files: list[Held], bounds: Bounds) -> None:
        assert self._archive is not None
        portions, last = records(self._archive, files), None
        while (entries := await asyncio.to_thread(next, portions, None)) is not None:
            await self._spool(entries)
            last = entries[-1] if entries else last
        if last is not None and bounds.begin <= last.offset < bounds.end:
            await self._check_same(part, last)
        self._tell(f"{part}: {files[-1].last + 1:,} offsets from the archive")

    async def _check_same(self, part: Part, last: InKafka) -> None:
        """Whether Kafka has the archive's last record too. Raises LogMisfit."""
        async with aclosing(self._reader.read(part, last.offset)) as portions:
            async for entries, following in portions:
                if entries or following > last.offset:
                    if [(each.offset, each.at_ms) for each in entries[:1]] != [(last.offset, last.at_ms)]:
                        told = f"the archive of {part} and Kafka have different records at offset {last.offset}"
                        raise LogMisfit(told, hint="the topic was made anew: its archive is that of another log")
                    return

    async def _read_kafka(self, part: Part, end: int, pulse: Pulse | None) -> None:
        empty = 0
        async with aclosing(self._reader.read(part, self._read_to[part])) as portions:
            async for entries, following in portions:
                if entries and entries[0].offset > self._read_to[part]:
                    begin = (await self._reader.bounds([part]))[part].begin
                    if begin > self._read_to[part]:
                        raise _missing(part, self._read_to[part], begin, self._archive is not None)
                await self._spool(entries)
                self._read_to[part] = following
                if pulse is not None:
                    await pulse()
                if following >= end:
                    return
                empty = 0 if entries else empty + 1
                if empty > MOST_EMPTY:
                    return  # a transaction is open: nobody has taken in what it holds

    async def _spool(self, entries: list[InKafka]) -> None:
        read = [self._decoding.read(each, self._policy) for each in entries]
        asked = codes_of(read)
        known = self.spool.known(asked)
        if forgotten := asked - known.keys():
            known |= await known_codes(self._store, forgotten)
        taken = [
            self._decoding.answered(each, known.get(each.code), self._policy) if isinstance(each, Answer) else each
            for each in read
        ]
        alive = [each for each in taken if each.fate is not Fate.DEAD]
        unsigned = [each.found.topic for each in taken if each.fate is Fate.DEAD and self._is_unsigned(each)]
        self.unsigned.update(unsigned)
        self.unchecked += sum(map(self._decoding.is_unchecked, entries))
        self.dead += len(taken) - len(alive) - len(unsigned)
        self.spool.remember(_codes(alive))
        self.spool.add(map(self._spooled, alive))

    def _is_unsigned(self, each: Taken) -> bool:
        return self._decoding.is_unsigned(each.found)

    def _spooled(self, each: Taken) -> Spooled:
        found, shard = each.found, self._store.shard(each.record.subject)  # wherever it was taken, here it is folded
        part = Part(found.topic, found.partition)
        return Spooled(shard, part, found.offset, found.at_ms, each.record, each.schema, each.first_ms)


def _missing(part: Part, first: int, begin: int, with_archive: bool) -> StartError:
    told = f"the log is not whole: the records of {part} from offset {first} to {begin - 1} are not in Kafka any more"
    if with_archive:
        return StartError(f"{told}, and not in the archive", "customers are rebuilt from the first record on")
    return StartError(told, "`opportune rebuild --from archive` reads them there, if OPPORTUNE_ARCHIVE was set in time")


def _codes(taken: list[Taken]) -> dict[str, KnownCode]:
    """What the response codes of decisions stand for; one that cannot be read is the fold's to complain of."""
    found: dict[str, KnownCode] = {}
    for record in (each.record for each in taken if each.record.topic == "decisions"):
        try:
            made = DECIDED.decode(record.body)
        except ValueError:
            continue
        for each in made.treatments:
            found[each.code] = KnownCode(made.decision, record.subject, each.offer, at_ms(made.at))
    return found
