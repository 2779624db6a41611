"""What stands in the streams of a shard for Kafka, and what becomes of it once Kafka has it.

The outbox is cut. Actions and dead letters stay for reading, so that the guard keeps how far Kafka has them
(`relayed:actions`, `relayed:dead-letters`). Either is done by one script that requires what was read to be there still.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from consumers.redis_streams import SEQUENCE_BITS, offset_of, stream_id
from profiles import keys
from profiles.store import ACTIONS, DEAD_LETTERS, ERASURES, CustomerStore, Record

START = "0-0"
OUT = "out"
KEPT = {ACTIONS: keys.actions, DEAD_LETTERS: keys.dead_letters}
STREAMS = {OUT: keys.outbox, **KEPT}

Source = tuple[int, str]
"""Shard and the name of its stream."""


class Waiting(Struct, frozen=True):
    """A record that Kafka may not have yet."""

    at: str
    """Its stream id."""
    record: Record
    schema: str
    """The version of its body."""
    first_ms: str = ""
    """When the log took it first, where it was put back."""

    @property
    def taken_ms(self) -> int:
        return offset_of(self.at) >> SEQUENCE_BITS


class Stretch(Struct, frozen=True):
    """What was read of one stream: its oldest records that Kafka may not have."""

    source: Source
    records: Sequence[Waiting]


class Outgoing:
    """The streams of the shards that are asked for. Every method raises StoreUnavailable."""

    def __init__(self, store: CustomerStore) -> None:
        self._store = store
        self._positions: dict[Source, str] = {}
        """Up to where Kafka has the streams that are not cut."""

    async def read(self, shards: Iterable[int], most: int, wait_ms: int) -> list[Stretch]:
        """The oldest records of each stream, `most` of each; waits for the first if there is none."""
        sources = [(shard, name) for shard in sorted(shards) for name in STREAMS]
        await self._learn_positions([each for each in sources if each[1] in KEPT])
        by_key = {STREAMS[name](shard).encode(): (shard, name) for shard, name in sources}
        trip = self._store.scripts.batch()
        after = (self._positions.get(source, START) for source in sources)
        trip.add("XREAD", "COUNT", most, "BLOCK", wait_ms, "STREAMS", *by_key, *after)
        (found,) = await trip.run()
        return [Stretch(by_key[key], until_an_erasure(map(_waiting, entries))) for key, entries in found or ()]

    async def _learn_positions(self, sources: Sequence[Source]) -> None:
        unknown = [each for each in sources if each not in self._positions]
        trip = self._store.scripts.batch()
        for shard, name in unknown:
            trip.add("HGET", keys.guard(shard), position_of(name))
        answers = dict(zip(unknown, await trip.run(), strict=True)) if unknown else {}
        known = {each: self._positions[each] for each in sources if each in self._positions}
        self._positions = {**known, **{each: at.decode() if at else START for each, at in answers.items()}}

    def forget_positions(self) -> None:
        """They are read again: a failover may have taken them back, together with what they stand for."""
        self._positions.clear()

    async def sent(self, stretches: Sequence[Stretch]) -> int:
        """Kafka has these. Returns how many streams were not as they were read: they are read again."""
        trip = self._store.scripts.batch()
        for shard, name, last in ((*each.source, each.records[-1]) for each in stretches):
            where = [STREAMS[name](shard), keys.guard(shard)]
            position = (position_of(name), self._positions[shard, name]) if name in KEPT else ("", "")
            trip.call("relayed", where, [last.at, last.record.id, stream_id(offset_of(last.at) + 1), *position])
        missed = 0
        for each, answer in zip(stretches, await trip.run(), strict=True):
            missed += answer[0] != b"OK"
            if each.source in self._positions:
                self._positions[each.source] = each.records[-1].at if answer[0] == b"OK" else answer[1].decode()
        return missed

    async def depth(self, shards: Sequence[int]) -> tuple[int, float]:
        """How many records wait in the outboxes, and for how many seconds the oldest has."""
        trip = self._store.scripts.batch()
        trip.add("TIME")
        for shard in shards:
            trip.add("XLEN", keys.outbox(shard))
            trip.add("XRANGE", keys.outbox(shard), "-", "+", "COUNT", 1)
        time, *answers = await trip.run()
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        oldest_ms = min((offset_of(first[0][0]) >> SEQUENCE_BITS for first in answers[1::2] if first), default=now_ms)
        return sum(answers[::2]), max(0, now_ms - oldest_ms) / 1000


def position_of(name: str) -> str:
    """The field of the guard that says up to where Kafka has a stream that is not cut."""
    return f"relayed:{name}"


def until_an_erasure(records: Iterable[Waiting]) -> list[Waiting]:
    """An erasure goes by itself. Otherwise records that are sent again could bring back, behind it, what was before."""
    found: list[Waiting] = []
    for each in records:
        if each.record.topic == ERASURES and found:
            break
        found.append(each)
        if each.record.topic == ERASURES:
            break
    return found


def _waiting(entry: tuple[bytes, Mapping[bytes, bytes]]) -> Waiting:
    at, fields = entry
    topic, record_id, subject, schema = (fields[name].decode() for name in (b"topic", b"id", b"subject", b"schema"))
    first_ms = fields.get(b"first_ms", b"").decode()
    return Waiting(at.decode(), Record(topic, record_id, subject, fields[b"body"]), schema, first_ms)
