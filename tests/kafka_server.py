"""A real Kafka for tests, and what tests ask of it directly."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete

from consumers.kafka.connection import Connection
from deploy.kafka.cluster import KafkaCluster

WITHIN_S = 60.0


class KafkaServer(KafkaCluster):
    """Apache Kafka on free ports, in a folder of its own that is removed at the end.

    `with KafkaServer(nodes=3) as server: ...`. `kill_node(1)` and `start_node(1)` as a crash would; the latter from the
    main thread only (a node ends with the thread that started it). In an async test wait with `await server.ready()`.
    """

    def __init__(
        self,
        nodes: int = 1,
        ports: Sequence[int] = (),
        more: Mapping[str, str] | None = None,
        storage: Sequence[str] = (),
    ) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="opp-kafka-")), nodes, ports, more, storage)

    def __enter__(self) -> "KafkaServer":
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    @property
    def connection(self) -> Connection:
        return Connection(tuple(self.servers.split(",")))

    async def ready(self) -> None:
        """Waits for the nodes that run, without holding up the event loop."""
        await asyncio.to_thread(self.wait_until_ready)

    async def new_topic(self, partitions: int = 1, replication: int = 1, **config: str) -> str:
        """Creates a topic with a name that no other test has; `min_insync_replicas="2"` and the like."""
        topic = f"t-{uuid4().hex[:8]}"
        configs = {name.replace("_", "."): value for name, value in config.items()}
        await self._administer("create_topics", [NewTopic(topic, partitions, replication, topic_configs=configs)])
        return topic

    async def delete_topics(self) -> None:
        """Forgets everything that tests have made."""
        while topics := [each for each in await self._administer("list_topics") if not each.startswith("__")]:
            await self._administer("delete_topics", topics)

    async def add_partitions(self, partitions: int) -> None:
        """Of every topic, so that there are so many."""
        topics = [each for each in await self._administer("list_topics") if not each.startswith("__")]
        await self._administer("create_partitions", {topic: NewPartitions(partitions) for topic in topics})

    async def delete_records(self, before: Mapping[tuple[str, int], int]) -> None:
        """As retention does it: what is before an offset, by topic and partition."""
        wanted = {TopicPartition(*part): RecordsToDelete(before_offset=offset) for part, offset in before.items()}
        await self._administer("delete_records", wanted)

    async def _administer(self, what: str, *arguments: object) -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        try:
            async with asyncio.timeout(WITHIN_S):
                await admin.start()
                answer: list[str] = await getattr(admin, what)(*arguments)
                return answer
        finally:
            await admin.close()

    async def produce(self, topic: str, *values: bytes) -> None:
        """Into partition 0; returns when all are acknowledged by all in-sync replicas."""
        producer = AIOKafkaProducer(bootstrap_servers=self.servers, acks="all", enable_idempotence=True)
        try:
            async with asyncio.timeout(WITHIN_S):
                await producer.start()
                for value in values:
                    await producer.send_and_wait(topic, value, partition=0)
        finally:
            await producer.stop()

    async def records(self, topic: str, partitions: int = 1) -> list[ConsumerRecord[bytes, bytes]]:
        """All that the topic holds now, each partition in order."""
        where = [TopicPartition(topic, number) for number in range(partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers, enable_auto_commit=False)
        found = []
        try:
            async with asyncio.timeout(WITHIN_S):
                await consumer.start()
                consumer.assign(where)
                await consumer.seek_to_beginning(*where)
                for each, end in (await consumer.end_offsets(where)).items():
                    while await consumer.position(each) < end:
                        found += (await consumer.getmany(each, timeout_ms=500)).get(each, [])
        finally:
            await consumer.stop()
        return found
