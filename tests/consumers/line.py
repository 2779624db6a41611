"""The whole line from outbox to log with the real parts: Redis, the relay, Kafka, intakes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from consumers.kafka.connection import Connection
from consumers.kafka.decoding import Decoding
from consumers.kafka.ends import Ends
from consumers.kafka.intake import Intake
from consumers.kafka.member import Member
from consumers.kafka.ordering import TOPICS
from consumers.kafka.producer import Producer
from consumers.kafka.reading import Part
from consumers.kafka.watch import Watch
from consumers.live import LivePolicy
from consumers.relay import Relay
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore
from tests.builders import live
from tests.consumers.conftest import Counted

SHARDS, PARTITIONS = 4, 2
WITHIN_S = 60.0


class Rogue(Member):
    """Takes partitions without asking the group."""

    def __init__(self, connection: Connection, parts: Iterable[Part]) -> None:
        super().__init__(connection, f"rogue-{uuid4().hex}", (), "")
        self._wanted = list(parts)

    async def join(self) -> None:
        self._consumer.assign([TopicPartition(*part) for part in self._wanted])
        await self._consumer.start()
        self._change(frozenset(self._wanted), joined=True)


@dataclass
class Policies:
    current: LivePolicy | None


@dataclass
class Line:
    redis: Redis
    connection: Connection
    store: CustomerStore
    meter: Counted = field(default_factory=Counted)
    policies: Policies = field(default_factory=lambda: Policies(live()))
    group: str = field(default_factory=lambda: f"g-{uuid4().hex[:8]}")
    secret: str = ""
    redis_url: str = ""
    most_waiting_ms: int = 10**9
    """In most tests nobody folds what is taken in."""

    @staticmethod
    async def on(redis: Redis, connection: Connection, shards: int = SHARDS) -> "Line":
        return Line(redis, connection, await CustomerStore.open(redis, shards, log=TAKEN_IN))

    def intake(self, name: str = "", make: Callable[[], Member] | None = None, meter: Counted | None = None) -> Intake:
        meter = meter or self.meter
        member = make or (lambda: Member(self.connection, self.group, TOPICS, name))
        watch = Watch(Ends(self.connection), meter)
        decoding = Decoding(self.store.shards, self.secret)
        return Intake(self.store, member, watch, decoding, self.policies, meter, self.most_waiting_ms)

    @asynccontextmanager
    async def running(self, *intakes: Intake) -> AsyncIterator[None]:
        """These, until the end."""
        tasks = [asyncio.create_task(each.run()) for each in intakes]
        try:
            yield
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for each in intakes:
                each.stop()
            await asyncio.wait(tasks, timeout=WITHIN_S)

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        producer = Producer(self.connection, PARTITIONS)
        relay = Relay(self.store, lambda: frozenset(range(self.store.shards)), producer, self.meter)
        task = asyncio.create_task(relay.run())
        try:
            yield
        finally:
            relay.stop()
            await task
            await producer.close()

    async def entries(self, name: str = "log") -> list[dict[str, str]]:
        """Of one stream of every shard, each shard in order."""
        found: list[dict[str, str]] = []
        for shard in range(self.store.shards):
            entries: Any = await self.redis.xrange(f"{{s{shard:04d}}}{name}")
            found += [
                {"shard": str(shard), **{key.decode(): value.decode() for key, value in fields.items()}}
                for _, fields in entries
            ]
        return found

    async def ids(self, name: str = "log") -> list[str]:
        return [each["id"] for each in await self.entries(name)]

    async def length(self, name: str = "log") -> int:
        return sum([int(await self.redis.xlen(f"{{s{shard:04d}}}{name}")) for shard in range(self.store.shards)])

    async def until(self, number: int, name: str = "log") -> None:
        async def there() -> bool:
            return await self.length(name) >= number

        await eventually(there, f"{number} records in {name}")

    async def produce(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Iterable[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """As an app backend does it, with a client and settings of its own."""
        producer = AIOKafkaProducer(bootstrap_servers=",".join(self.connection.servers))
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key=key, headers=list(headers), partition=partition)
        finally:
            await producer.stop()


async def eventually(is_so: Callable[[], Awaitable[bool]], what: str, within_s: float = WITHIN_S) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not await is_so():  # noqa: ASYNC110 (only the servers can tell)
                await asyncio.sleep(0.02)
    except TimeoutError as cause:
        raise AssertionError(f"not within {within_s:g} s: {what}") from cause
