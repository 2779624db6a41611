"""Whether there is nothing left to do: no timer is due, and all that was said is in Kafka, taken in and folded."""

import time
from typing import Any

from consumers.kafka.ends import Ends
from consumers.kafka.ordering import TOPICS
from consumers.kafka.reading import Part
from consumers.kafka.taking import position_of
from consumers.redis_streams import offset_of
from profiles import keys
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore


async def is_settled(store: CustomerStore, ends: Ends, partitions: int) -> bool:
    """In this order: what was said last is looked for last."""
    trip, now_ms = store.scripts.batch(), int(time.time() * 1000)
    for shard in range(store.shards):
        trip.add("ZCOUNT", keys.timers(shard), "-inf", now_ms)
        trip.add("XLEN", keys.outbox(shard))
    return not any(await trip.run()) and await _is_taken(store, ends, partitions) and await _is_folded(store)


async def _is_taken(store: CustomerStore, ends: Ends, partitions: int) -> bool:
    there = await ends.of([Part(topic, number) for topic in TOPICS for number in range(partitions)])
    trip = store.scripts.batch()
    for shard in range(store.shards):
        trip.add("HMGET", keys.guard(shard), *map(position_of, there))
    answers = await trip.run()
    return all(int(at or 0) >= end for each in answers for at, end in zip(each, there.values(), strict=True))


async def _is_folded(store: CustomerStore) -> bool:
    trip = store.scripts.batch()
    for shard in range(store.shards):
        trip.add("HGET", keys.guard(shard), TAKEN_IN.position)
        trip.add("XREVRANGE", TAKEN_IN.key(shard), "+", "-", "COUNT", 1)
    answers: list[Any] = await trip.run()
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return all(not last or int(at or 0) >= offset_of(last[0][0]) for at, last in pairs)
