"""How long it takes from the moment in which an interaction is due to be produced until it is in the profile.

Arrivals are fixed in time: one that the machine sends late counts from when it was due (no coordinated omission). Each
twentieth interaction is of a customer who has never been seen, and Redis itself says when that profile is written
(keyspace notifications).
"""

import asyncio
import time

from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from bench.ingesting.traffic import Traffic
from consumers.kafka.topics import partition_of

TICK_S = 0.005
ONE_IN = 20
WARM_UP_S = 3.0
ARRIVED_WITHIN_S = 30.0


class Probes:
    """When each probe was due, and when its profile was there, in seconds of one clock."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._due: dict[str, float] = {}
        self.lags_s: list[float] = []
        self.all_there = asyncio.Event()
        self.all_sent = False

    def sent(self, subject: str, due_s: float) -> None:
        self._due[subject] = due_s

    async def watch(self, ready: asyncio.Event) -> None:
        await self._redis.config_set("notify-keyspace-events", "Kh")
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.psubscribe("__keyspace@0__:{s*}p:customer:probe-*")
            ready.set()
            async for said in channel.listen():
                due_s = self._due.pop(said["channel"].decode().rpartition("}p:")[2], None)
                if due_s is not None:
                    self.lags_s.append(time.monotonic() - due_s)
                if self.all_sent and not self._due:
                    self.all_there.set()


async def lags(
    servers: str, redis: Redis, traffic: Traffic, partitions: int, per_s: float, for_s: float
) -> list[float]:
    """Lags in seconds, sorted, of those after the warm-up."""
    probes, ready = Probes(redis), asyncio.Event()
    watching = asyncio.create_task(probes.watch(ready))
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", linger_ms=1, compression_type="lz4")
    await producer.start()
    try:
        await ready.wait()
        await _send(producer, traffic, probes, partitions, per_s, for_s)
        probes.all_sent = True
        async with asyncio.timeout(ARRIVED_WITHIN_S):
            await probes.all_there.wait()
    finally:
        await producer.stop()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return sorted(probes.lags_s[int(len(probes.lags_s) * WARM_UP_S / for_s) :])


async def _send(
    producer: AIOKafkaProducer, traffic: Traffic, probes: Probes, partitions: int, per_s: float, for_s: float
) -> None:
    start, sent = time.monotonic(), 0
    while (now := time.monotonic() - start) < for_s:
        while sent < now * per_s:
            due_s = start + sent / per_s
            is_probe = sent % ONE_IN == 0
            subject = f"customer:probe-{traffic.made}" if is_probe else traffic.subject()
            each = traffic.one(subject)
            if is_probe:
                probes.sent(subject, due_s)
            where = partition_of(each.shard, partitions)
            await producer.send(each.topic, each.value, key=each.key, partition=where, headers=list(each.headers))
            sent += 1
        await asyncio.sleep(TICK_S)


def quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
