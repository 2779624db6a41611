"""How much of Kafka a shard has folded: what was taken in, without what still waits in its log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import StartError
from consumers.kafka.ordering import TOPICS
from consumers.kafka.reading import Part
from consumers.redis_streams import offset_of, stream_id
from profiles import keys
from profiles.log_stream import OUTBOX
from profiles.store import CustomerStore

AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Folded:
    before: Mapping[Part, int]
    """Of each partition, what stands before this offset …"""
    without: frozenset[tuple[Part, int]]
    """… but for these places."""


async def refuse_older(store: CustomerStore) -> None:
    """Raises StartError where customers hold what was folded before Kafka was the log: it is in no topic."""
    trip = store.scripts.batch()
    for shard in range(store.shards):
        trip.add("HGET", keys.guard(shard), OUTBOX.position)
    if any(int(answer or 0) for answer in await trip.run()):
        told = "customers hold what was folded before Kafka was the log of this store, and that is not in Kafka"
        raise StartError(told, "a store that is to be rebuilt from Kafka has Kafka from its first day on")


async def folded_of(store: CustomerStore, shard: int) -> Folded:
    """At least this, and exactly this while nobody folds the shard: what is taken in meanwhile lies behind.
    Raises StoreUnavailable."""
    trip = store.scripts.batch()
    trip.add("HGETALL", keys.guard(shard))
    (guard,) = await trip.run()
    fields = {name.decode(): text.decode() for name, text in guard.items()}
    before = {}
    for name, at in fields.items():
        kind, _, place = name.partition(":")
        topic, _, number = place.rpartition(":")
        if kind == "off" and topic in TOPICS and number.isdigit():
            before[Part(topic, int(number))] = int(at)
    return Folded(before, await _waiting(store, shard, int(fields.get(store.log.position, 0))))


async def _waiting(store: CustomerStore, shard: int, position: int) -> frozenset[tuple[Part, int]]:
    """What stands in the log of the shard behind its position."""
    found: set[tuple[Part, int]] = set()
    while True:
        trip = store.scripts.batch()
        trip.add("XRANGE", store.log.key(shard), f"({stream_id(position)}", "+", "COUNT", AT_ONCE)
        (entries,) = await trip.run()
        if not entries:
            return frozenset(found)
        found |= {_place(fields) for _, fields in entries}
        position = offset_of(entries[-1][0])


def _place(fields: Mapping[bytes, Any]) -> tuple[Part, int]:
    number, _, offset = fields[b"from"].decode().partition(":")
    return Part(fields[b"topic"].decode(), int(number)), int(offset)
