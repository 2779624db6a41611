"""Sends records to Kafka: what `send` returned for is on as many brokers as the topic requires, in order.

Idempotent, acks=all, lz4. aiokafka's idempotent producer tries for ever, loses count of its sequence numbers when a
batch expires without a leader, and then repeats OutOfOrderSequenceNumber until it is made anew. So each call is bounded
in time, and after any failure the producer is thrown away with all that it has in hand; the next call makes another.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from consumers.kafka import ours
from consumers.kafka.connection import Connection, require_fast_client, started, trouble_named
from consumers.kafka.errors import LogMisfit
from consumers.kafka.messages import Header, Message
from consumers.kafka.reading import Part
from consumers.kafka.topics import partition_of

log = logging.getLogger(__name__)

DELIVER_WITHIN_S = 30.0
STOP_WITHIN_S = 5.0
BATCH_BYTES = 256 * 1024
"""Of records before compression; a single larger record is a batch of its own."""


class Producer:
    """`partitions`: of every topic. `within_s`: how long a call may take."""

    def __init__(self, connection: Connection, partitions: int, within_s: float = DELIVER_WITHIN_S) -> None:
        require_fast_client()
        self._connection = connection
        self._partitions = partitions
        self._mark = ours.Mark(connection.secret)
        self._within_s = within_s
        self._producer: AIOKafkaProducer | None = None
        self._one_call = asyncio.Lock()
        self.made = 0
        """How many producers there have been; more than one means that there was trouble."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Returns when all are acknowledged. Those of one partition arrive in the order given.

        Raises LogUnavailable, LogMisfit: then of each partition the first so many have arrived, perhaps none, and all
        are to be sent again. What arrives twice has the same id. Calls wait for each other.
        """
        by_destination: dict[Part, list[Message]] = {}
        for each in messages:
            by_destination.setdefault(Part(each.topic, partition_of(each.shard, self._partitions)), []).append(each)
        async with self._one_call:
            try:
                async with trouble_named(self._connection.servers, self._within_s):
                    await self._deliver(by_destination)
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """When no call is in hand. Takes 2 × STOP_WITHIN_S at most."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)

    async def _deliver(self, by_destination: dict[Part, list[Message]]) -> None:
        producer = await self._running()
        await self._check_partitions(producer, {topic for topic, _ in by_destination})
        tasks = [
            asyncio.create_task(_in_order(producer, destination, zip(several, map(self._marked, several), strict=True)))
            for destination, several in by_destination.items()
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _marked(self, each: Message) -> list[Header]:
        """Its headers with the one by which it is known as ours; the last one."""
        own_id = dict(each.headers).get("ce_id", b"") if self._mark.signs else b""
        return [*each.headers, (ours.HEADER, self._mark.of(each.topic, each.key, own_id, each.value))]

    async def _running(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = await self._make()
        return self._producer

    async def _make(self) -> AIOKafkaProducer:
        self.made += 1
        producer = AIOKafkaProducer(
            **self._connection.options(),
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            max_batch_size=BATCH_BYTES,
        )
        try:
            await started(producer)
        except BaseException:
            await _end(producer)
            raise
        return producer

    async def _check_partitions(self, producer: AIOKafkaProducer, topics: Iterable[str]) -> None:
        for topic in topics:
            found = len(await producer.partitions_for(topic))
            if found != self._partitions:
                told = f"the topic {topic} has {found} partitions, and {self._partitions} are expected"
                raise LogMisfit(told, hint="`opportune topics --check` says what is wrong")


async def _in_order(
    producer: AIOKafkaProducer, destination: Part, messages: Iterable[tuple[Message, list[Header]]]
) -> None:
    """One batch after the other: the next leaves when the one before is acknowledged."""
    topic, partition = destination
    batch = producer.create_batch()
    for each, headers in messages:
        if not _appended(batch, each, headers):
            await _acknowledged(producer, batch, topic, partition)
            batch = producer.create_batch()
            assert _appended(batch, each, headers), "an empty batch takes a record of any size"
    await _acknowledged(producer, batch, topic, partition)


def _appended(batch: object, each: Message, headers: list[Header]) -> bool:
    """False if the batch is full."""
    append = batch.append  # type: ignore[attr-defined]
    return append(timestamp=None, key=each.key, value=each.value, headers=headers) is not None


async def _acknowledged(producer: AIOKafkaProducer, batch: object, topic: str, partition: int) -> None:
    try:
        await (await producer.send_batch(batch, topic, partition=partition))
    except MessageSizeTooLargeError as cause:
        hint = "raise max.message.bytes of the topic; `opportune topics --check` says what it must be"
        raise LogMisfit(f"a record for {topic} is larger than the topic takes", hint=hint) from cause


async def _end(producer: AIOKafkaProducer) -> None:
    """Stops a producer, also one that cannot deliver what it has.

    aiokafka's `stop` waits for the delivery of everything. So its sender is stopped first, which ends when the requests
    in flight do, and what is left is forgotten: nobody waits for it any more. `_sender`, `_message_accumulator` and its
    batches are private: this is tested against the version in the lock file.
    """
    sender, waiting = producer._sender.sender_task, producer._message_accumulator
    if sender is not None:
        sender.cancel()
        await asyncio.wait([sender], timeout=STOP_WITHIN_S)
    waiting._batches.clear()
    waiting._pending_batches.clear()
    try:
        await asyncio.wait_for(producer.stop(), STOP_WITHIN_S)
    except TimeoutError:
        log.warning("a producer did not stop in time")
        await producer.client.close()
