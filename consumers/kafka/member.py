"""One worker's membership in the group that takes the topics in: which partitions are its own, and what is in them.

Where to read from is the caller's to say (`seek`), never Kafka's: nothing is given out of a partition before that.
aiokafka's heartbeats are a coroutine of this process, and a rebalance takes everything from everybody for a moment;
so sessions and heartbeats are short. A member that was told to leave leaves also where it has a name of its own
(static membership), since a rebalance is shorter than most restarts; the name is for whoever is killed and started
again within its session: its partitions are still its own then, and nobody else stands still.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError

from consumers.dead_letters import InKafka
from consumers.kafka.assigning import StickyByNumber
from consumers.kafka.connection import Connection, require_fast_client, started, trouble_named
from consumers.kafka.errors import LogUnavailable
from consumers.kafka.reading import Part, in_kafka, stopped

log = logging.getLogger(__name__)

JOIN_WITHIN_S = 30.0
ANSWER_WITHIN_S = 15.0
STOP_WITHIN_S = 3.0
SESSION_MS = 6_000
"""The shortest that brokers allow by default: so long the partitions of one that was killed stand still."""
HEARTBEAT_MS = 500
"""So soon everybody knows of a rebalance."""
NEVER_MS = 7 * 86_400_000
MOST_BYTES = 16 << 20
FETCH_WAIT_MS, FETCH_BYTES = 100, 1
"""A broker answers a fetch after so long, or once it has so much: where nothing came before, with the first record."""
BUSY_WAIT_MS, BUSY_BYTES = 10, 64 << 10
"""Where records come one after the other: a fetch, and what follows from it, costs more than a record does."""
BUSY_S = 0.03
"""Whoever has found something waits so long for more before the next record is again waited for alone."""


class Portion(NamedTuple):
    records: list[InKafka]
    read_to: int
    """All committed records before this offset have been read."""


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """`name`: of a worker that keeps it over restarts; empty for none."""

    def __init__(self, connection: Connection, group: str, topics: Iterable[str], name: str = "") -> None:
        require_fast_client()
        self._connection = connection
        self._topics = list(topics)
        self._name = name
        self.assigned: frozenset[Part] = frozenset()
        self.assignments = 0
        """Grows when partitions are given or taken, or a fetch has failed: each time all are to be sought anew."""
        self.joined = False
        """Whether the group has given this member its partitions, be it none."""
        self._sought: set[Part] = set()
        self._is_busy = False
        self._consumer = AIOKafkaConsumer(
            **connection.options(),
            group_id=group,
            group_instance_id=name or None,
            partition_assignment_strategy=(StickyByNumber.of_one_member(),),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            max_poll_interval_ms=NEVER_MS,  # whether it moves is watched elsewhere (watch.py)
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_BYTES,
            fetch_max_bytes=MOST_BYTES,
        )

    async def join(self) -> None:
        """Raises LogUnavailable, and LogMisfit for certificates that cannot be read; it is to be left then too."""
        async with self._trouble(JOIN_WITHIN_S):
            self._consumer.subscribe(self._topics, listener=self)
            await started(self._consumer)

    async def on_partitions_revoked(self, _: Any) -> None:
        self._change(frozenset(), joined=False)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._change(frozenset(Part(*each) for each in assigned), joined=True)

    def _change(self, assigned: frozenset[Part], *, joined: bool) -> None:
        self.assigned, self.joined = assigned, joined
        self._forget()

    def _forget(self) -> None:
        self.assignments += 1
        self._sought.clear()

    async def bounds(self, parts: Iterable[Part]) -> dict[Part, tuple[int, int]]:
        """The first offset of each partition, and the one that the next record gets. Raises LogUnavailable."""
        wanted = [TopicPartition(*part) for part in parts]
        async with self._trouble(ANSWER_WITHIN_S):
            begins = await self._consumer.beginning_offsets(wanted)
            ends = await self._consumer.end_offsets(wanted)
        return {Part(*each): (begins[each], ends[each]) for each in wanted}

    def seek(self, part: Part, offset: int) -> None:
        """From where on to read one of those assigned."""
        if part in self.assigned:
            self._consumer.seek(TopicPartition(*part), offset)
            self._sought.add(part)

    async def fetch(self, parts: Iterable[Part], wait_s: float, most: int) -> dict[Part, Portion]:
        """What has come in some of the partitions that were sought; nothing while there is a rebalance. Raises
        LogUnavailable."""
        before, wanted = self.assignments, [TopicPartition(*part) for part in parts if part in self._sought]
        if not wanted:
            await asyncio.sleep(wait_s)
            return {}
        found: Mapping[TopicPartition, Any] = {}
        try:
            async with asyncio.timeout(wait_s + 1.0):  # a rebalance takes as long as its slowest member
                async with self._trouble(ANSWER_WITHIN_S):
                    found = await self._found(wanted, wait_s, most)
                    if self.assignments != before:
                        return {}
                    read_to = {each: await self._consumer.position(each) for each in wanted}
        except (TimeoutError, IllegalStateError):  # there is a rebalance
            self._forget()
            return {}
        except LogUnavailable:
            if self.assignments != before:  # it was of partitions that nobody has sought yet
                return {}
            self._forget()
            raise
        except BaseException:
            self._forget()
            raise
        return {Part(*each): Portion([in_kafka(one) for one in found.get(each, ())], read_to[each]) for each in wanted}

    async def _found(self, wanted: Sequence[TopicPartition], wait_s: float, most: int) -> Mapping[TopicPartition, Any]:
        waits_s = min(wait_s, BUSY_S) if self._is_busy else wait_s
        found: Mapping[TopicPartition, Any]
        found = await self._consumer.getmany(*wanted, timeout_ms=int(1000 * waits_s), max_records=most)
        if found or waits_s:
            self._pace(is_busy=bool(found))
        return found

    def _pace(self, *, is_busy: bool) -> None:
        """How long brokers gather what the next fetch brings. aiokafka takes that for the life of a consumer; what it
        keeps it in is private: to be looked at when the version in the lock file changes."""
        fetcher, self._is_busy = self._consumer._fetcher, is_busy
        wait_ms, least = (BUSY_WAIT_MS, BUSY_BYTES) if is_busy else (FETCH_WAIT_MS, FETCH_BYTES)
        fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes = wait_ms, least

    def has_more(self, part: Part, read_to: int) -> bool:
        """Whether Kafka has, or may have, records of a partition from this offset on."""
        end = self._consumer.last_stable_offset(TopicPartition(*part)) if part in self._sought else read_to
        return end is None or end > read_to

    async def note(self, positions: Mapping[Part, int]) -> None:
        """Tells Kafka how far we are, for those who watch its lag; nothing else stands on it."""
        offsets = {TopicPartition(*part): at for part, at in positions.items() if part in self.assigned}
        if not offsets:  # a rebalance has just taken them all; aiokafka raises ValueError
            return
        try:
            async with trouble_named(self._connection.servers, STOP_WITHIN_S):
                await self._consumer.commit(offsets)
        except LogUnavailable as cause:  # also where they are not ours any more
            log.info("positions were not noted in Kafka", extra={"cause": str(cause)})

    async def leave(self) -> None:
        """Takes STOP_WITHIN_S at most: aiokafka's stop may hang. `_coordinator` is private: it would not leave the
        group where the member has a name."""
        coordinator = self._consumer._coordinator
        if coordinator is not None:
            coordinator._group_instance_id = None
        await stopped(self._consumer, STOP_WITHIN_S)

    @asynccontextmanager
    async def _trouble(self, within_s: float) -> AsyncIterator[None]:
        """aiokafka does not know the error of a member whose name somebody else has."""
        try:
            async with trouble_named(self._connection.servers, within_s):
                yield
        except LogUnavailable as cause:
            if not self._name or "UnknownError" not in str(cause):
                raise
            told = f"the group does not have the worker `{self._name}`: is there another one of that name?"
            raise LogUnavailable(told, hint="OPPORTUNE_INSTANCE must be another for each worker") from cause
