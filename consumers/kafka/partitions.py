"""Reads single partitions from a given offset on, and shares partitions out among a group of workers.

The two are apart on purpose: who reads, and from where, is decided by the reader and not by the group, so that a
rebalance moves nobody's position. Only committed records are read: what a transaction took back never happened.
"""

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError

from consumers.dead_letters import InKafka
from consumers.kafka.connection import Connection, require_fast_client, started, trouble_named
from consumers.kafka.errors import LogMisfit
from consumers.kafka.reading import Part, in_kafka, stopped

log = logging.getLogger(__name__)

WITHIN_S = 20.0
STOP_WITHIN_S = 5.0
FETCH_MS = 500
SESSION_MS = 30_000
METADATA_MS = 10_000
"""A partition that was added is noticed after so long."""
MOST_AT_ONCE = 1_000


class Portion(NamedTuple):
    entries: list[InKafka]
    following: int
    """Where to go on: all committed records before it have been read."""


class Bounds(NamedTuple):
    """What a partition holds."""

    begin: int
    end: int
    """The offset that the next record gets, also while a transaction is open."""


class PartitionReader:
    """One partition after the other. Every method raises LogUnavailable; to be closed then, and opened anew."""

    def __init__(self, connection: Connection) -> None:
        require_fast_client()
        self._connection = connection
        self._committed: AIOKafkaConsumer | None = None
        self._all: AIOKafkaConsumer | None = None

    async def bounds(self, parts: Iterable[Part]) -> dict[Part, Bounds]:
        """Of partitions that exist; aiokafka waits for others in vain."""
        wanted = [TopicPartition(*each) for each in parts]
        async with trouble_named(self._connection.servers, WITHIN_S):
            self._all = self._all or await self._started("read_uncommitted")
            begins, ends = await self._all.beginning_offsets(wanted), await self._all.end_offsets(wanted)
        return {Part(*each): Bounds(begins[each], ends[each]) for each in wanted}

    async def partitions(self, topic: str) -> frozenset[int]:
        """The numbers there are. Raises LogMisfit where there is no such topic."""
        async with trouble_named(self._connection.servers, WITHIN_S):
            self._all = self._all or await self._started("read_uncommitted")
            # private, as the public ways tell only of topics that this consumer reads
            found = (await self._all._client.fetch_all_metadata()).partitions_for_topic(topic)
        if not found:
            raise LogMisfit(f"there is no topic {topic}", hint="`opportune topics` creates what is missing")
        return frozenset(found)

    async def read(self, part: Part, start: int) -> AsyncGenerator[Portion]:
        """Portion after portion, without an end; an empty one where nothing came within FETCH_MS."""
        where = TopicPartition(*part)
        async with trouble_named(self._connection.servers, WITHIN_S):
            self._committed = consumer = self._committed or await self._started("read_committed")
            consumer.assign([where])
            consumer.seek(where, start)
        while True:
            async with trouble_named(self._connection.servers, WITHIN_S):
                found = await consumer.getmany(where, timeout_ms=FETCH_MS, max_records=MOST_AT_ONCE)
                following = await consumer.position(where)
            yield Portion([in_kafka(each) for each in found.get(where, ())], following)

    async def close(self) -> None:
        for consumer in (self._committed, self._all):
            await stopped(consumer, STOP_WITHIN_S)
        self._committed = self._all = None

    async def _started(self, isolation: str) -> AIOKafkaConsumer:
        options = {"isolation_level": isolation, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        return await _start(AIOKafkaConsumer(**self._connection.options(), **options))


class Share:
    """This worker's partitions of some topics, as a member of a group. `member`: static membership, so that a restart
    moves nobody's partitions."""

    def __init__(self, connection: Connection, group: str, topics: Iterable[str], member: str | None = None) -> None:
        self._connection = connection
        self._group = group
        self._topics = tuple(topics)
        self._member = member
        self._consumer: AIOKafkaConsumer | None = None

    async def owned(self, wait_s: float) -> frozenset[Part]:
        """To be called again and again, at least every five minutes. Raises LogUnavailable."""
        async with trouble_named(self._connection.servers, WITHIN_S + wait_s):
            consumer = self._consumer = self._consumer or await self._joined()
            consumer.pause(*consumer.assignment())  # nothing is read here
            await consumer.getmany(timeout_ms=int(1000 * wait_s))  # says that we live
            return frozenset(Part(*each) for each in consumer.assignment())

    async def note(self, positions: Mapping[Part, int]) -> None:
        """Tells Kafka how far we are, for those who watch its lag; nothing else stands on it."""
        if self._consumer is None or not positions:
            return
        mine = self._consumer.assignment()
        offsets = {TopicPartition(*part): at for part, at in positions.items() if TopicPartition(*part) in mine}
        with suppress(CommitFailedError, IllegalStateError):  # not ours any more
            async with trouble_named(self._connection.servers, WITHIN_S):
                await self._consumer.commit(offsets)

    async def leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        await stopped(consumer, STOP_WITHIN_S)

    async def _joined(self) -> AIOKafkaConsumer:
        options = {
            "group_id": self._group,
            "group_instance_id": self._member,
            "session_timeout_ms": SESSION_MS,
            "metadata_max_age_ms": METADATA_MS,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_bytes": 1,  # what is fetched before the pause is not wanted
            # the assignor keeps what it knows in its class
            "partition_assignment_strategy": (type("Sticky", (StickyPartitionAssignor,), {}),),
        }
        return await _start(AIOKafkaConsumer(*self._topics, **self._connection.options(), **options))


async def _start(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    try:
        await started(consumer)
    except BaseException:
        await stopped(consumer, STOP_WITHIN_S)
        raise
    return consumer
