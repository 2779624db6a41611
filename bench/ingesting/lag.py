"""How long it takes from the moment in which an interaction is due to be produced until it is in the profile.

Arrivals are fixed in time: one that the machine sends late counts from when it was due (no coordinated omission). Each
twentieth interaction is of a customer who has never been seen, and Redis itself says when that profile is written
(keyspace notifications). Who produces has the same cores, so it makes all of them before, and sends as Kafka's own
producer does if nobody says anything else: what is due within 5 ms together (`linger.ms` since Kafka 4.0). The stages
on the way are told by the log of the shard, to the millisecond: when Kafka took the record (`at`), and when it stood in
the log (the id of the entry).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from bench.ingesting.traffic import Traffic
from consumers.kafka.messages import Message
from consumers.kafka.topics import partition_of
from profiles.log_stream import TAKEN_IN

TICK_S = 0.005
"""What is due within it is sent together."""
ONE_IN = 20
PROBE = "probe-"
WARM_UP_S = 3.0
ARRIVED_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Way:
    """Of one probe, in seconds: until Kafka had it, from there into the log of its shard, and into the profile."""

    produced_s: float
    taken_s: float
    folded_s: float

    @property
    def lag_s(self) -> float:
        return self.produced_s + self.taken_s + self.folded_s


class Probes:
    """When each probe was due, and when its profile was there, in seconds of one clock."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._due: dict[str, float] = {}
        self._times: dict[str, tuple[float, float]] = {}

    @property
    def waiting(self) -> int:
        """Probes that are not there yet."""
        return len(self._due)

    def sent(self, subject: str, due_s: float) -> None:
        self._due[subject] = due_s

    async def watch(self, ready: asyncio.Event) -> None:
        await self._redis.config_set("notify-keyspace-events", "Kh")
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.psubscribe(f"__keyspace@0__:{{s*}}p:customer:{PROBE}*")
            ready.set()
            async for said in channel.listen():
                subject = said["channel"].decode().rpartition("}p:")[2]
                due_s = self._due.pop(subject, None)
                if due_s is not None:
                    self._times[subject] = due_s, time.time()

    async def ways(self, shards: int) -> list[Way]:
        """Of all probes, in the order in which they were due. Those that the logs do not hold any more are left out."""
        found: dict[str, tuple[float, float]] = {}
        for shard in range(shards):
            entries: Any = await self._redis.xrange(TAKEN_IN.key(shard))
            for entry, fields in entries:
                if (subject := fields[b"subject"].decode()) in self._times and subject not in found:
                    found[subject] = int(fields[b"at"]) / 1000, int(entry.partition(b"-")[0]) / 1000
        times = ((*self._times[subject], *found[subject]) for subject in self._times if subject in found)
        return [Way(at - due, log - at, there - log) for due, there, at, log in sorted(times)]


async def ways(
    servers: str, redis: Redis, traffic: Traffic, partitions: int, shards: int, per_s: float, for_s: float
) -> list[Way]:
    """Of the probes after the warm-up."""
    probes, ready = Probes(redis), asyncio.Event()
    watching = asyncio.create_task(probes.watch(ready))
    messages = [_made(traffic, is_probe=each % ONE_IN == 0) for each in range(int(for_s * per_s))]
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", compression_type="lz4")
    await producer.start()
    try:
        await ready.wait()
        await _send(producer, messages, probes, partitions, per_s)
        async with asyncio.timeout(ARRIVED_WITHIN_S):
            while probes.waiting:  # noqa: ASYNC110 (they come one by one)
                await asyncio.sleep(TICK_S)
    finally:
        await producer.stop()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    found = await probes.ways(shards)
    return found[int(len(found) * WARM_UP_S / for_s) :]


def _made(traffic: Traffic, *, is_probe: bool) -> Message:
    return traffic.one(f"customer:{PROBE}{traffic.made}" if is_probe else traffic.subject())


async def _send(
    producer: AIOKafkaProducer, messages: Sequence[Message], probes: Probes, partitions: int, per_s: float
) -> None:
    start, sent = time.time(), 0
    while sent < len(messages):
        due = min(len(messages), int((time.time() - start) * per_s) + 1)
        by_partition: dict[int, list[Message]] = {}
        for number, each in enumerate(messages[sent:due], start=sent):
            by_partition.setdefault(partition_of(each.shard, partitions), []).append(each)
            if number % ONE_IN == 0:
                probes.sent(each.key.decode(), start + number / per_s)
        for partition, several in by_partition.items():
            await _send_together(producer, several, partition)
        sent = due
        await asyncio.sleep(TICK_S)


async def _send_together(producer: AIOKafkaProducer, several: Sequence[Message], partition: int) -> None:
    """Returns before they are acknowledged."""
    topic, batch = several[0].topic, producer.create_batch()
    for each in several:
        values = {"timestamp": None, "key": each.key, "value": each.value, "headers": list(each.headers)}
        if batch.append(**values) is None:  # it is full
            await producer.send_batch(batch, topic, partition=partition)
            batch = producer.create_batch()
            batch.append(**values)
    await producer.send_batch(batch, topic, partition=partition)


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
