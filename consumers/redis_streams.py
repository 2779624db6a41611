"""The log as it stands in Redis, a stream for each shard: the outboxes, or what was taken in from Kafka.

One shard is one part. For a moment two workers may believe they own the same shard (shares.py), which the guard makes
harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from consumers.log import LogRecord
from consumers.shares import Share
from profiles.cluster_trip import ClusterTrip, trip_on
from profiles.connection import ANSWER_TIMEOUT_S
from profiles.errors import StoreUnavailable
from profiles.log_stream import OUTBOX, LogStream
from profiles.scripts import Scripts
from profiles.trip import Trip

SEQUENCE_BITS = 20
AS_TAKEN = [b"topic", b"id", b"subject", b"schema", b"body", b"at", b"from"]
"""The fields of most records that come from Kafka (lua/take.lua)."""


def offset_of(stream_id: bytes | str) -> int:
    """A stream id (`milliseconds-sequence`) as one integer that orders alike."""
    text = stream_id.decode() if isinstance(stream_id, bytes) else stream_id
    ms, _, sequence = text.partition("-")
    return (int(ms) << SEQUENCE_BITS) | int(sequence or 0)


def stream_id(offset: int) -> str:
    return f"{offset >> SEQUENCE_BITS}-{offset & ((1 << SEQUENCE_BITS) - 1)}"


class RedisStreams:
    """`EventLog` over the streams of one Redis."""

    def __init__(self, redis: Redis, shards: int, worker: str, log: LogStream = OUTBOX) -> None:
        self._redis = redis
        self._log = log
        self._share = Share(Scripts(redis), shards, worker)
        self._ahead: Asked | None = None

    async def owned(self) -> frozenset[int]:
        return await self._share.owned()

    async def leave(self) -> None:
        await self._forget()
        await self._share.leave()

    async def read(self, positions: Mapping[int, int], most: int, wait_ms: int) -> dict[int, list[LogRecord]]:
        if not positions:
            return {}
        if found := await self._read_before(positions):
            return found
        asked = await self._ask(positions, most, ("BLOCK", wait_ms))
        return _records(self._log, asked, await asked.trip.answers(ANSWER_TIMEOUT_S + wait_ms / 1000))

    async def read_ahead(self, positions: Mapping[int, int], most: int) -> None:
        await self._forget()
        self._ahead = await self._ask(positions, most)

    async def _read_before(self, positions: Mapping[int, int]) -> dict[int, list[LogRecord]]:
        """What was read ahead and still follows the positions: a shard may have been lost meanwhile."""
        asked, self._ahead = self._ahead, None
        if asked is None:
            return {}
        found = _records(self._log, asked, await asked.trip.answers())
        return {shard: each for shard, each in found.items() if positions.get(shard) == asked.positions[shard]}

    async def _ask(self, positions: Mapping[int, int], most: int, options: tuple[Any, ...] = ()) -> "Asked":
        trip = trip_on(self._redis)
        streams = [self._log.key(shard) for shard in positions]
        where = (*streams, *map(stream_id, positions.values()))
        await trip.send([("XREAD", "COUNT", most, *options, "STREAMS", *where)])
        return Asked(dict(positions), trip)

    async def _forget(self) -> None:
        asked, self._ahead = self._ahead, None
        if asked is not None:
            await asked.trip.drop()


@dataclass(frozen=True, slots=True)
class Asked:
    """An XREAD that is on its way."""

    positions: dict[int, int]
    trip: Trip | ClusterTrip


def _records(log: LogStream, asked: Asked, answers: list[Any]) -> dict[int, list[LogRecord]]:
    """Raises StoreUnavailable if Redis has refused."""
    (found,) = answers
    if isinstance(found, ResponseError):
        raise StoreUnavailable(str(found)) from found
    by_key = {log.key(shard).encode(): shard for shard in asked.positions}
    return {by_key[key]: [_record(*entry) for entry in entries] for key, entries in dict(found or ()).items()}


def _record(entry_id: bytes, flat: list[bytes]) -> LogRecord:
    offset = offset_of(entry_id)
    if flat[::2] == AS_TAKEN:
        topic, record_id, subject, _, body, at, origin = flat[1::2]
        names = topic.decode(), offset, int(at), record_id.decode(), subject.decode()
        return LogRecord(*names, body, origin.decode())
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return LogRecord(
        topic=fields[b"topic"].decode(),
        offset=offset,
        at_ms=int(fields.get(b"at") or offset >> SEQUENCE_BITS),
        id=fields[b"id"].decode(),
        subject=fields[b"subject"].decode(),
        body=fields[b"body"],
        origin=fields.get(b"from", b"").decode(),
        first_ms=int(fields.get(b"first_ms", 0)),
    )
