"""The intake: takes what stands in Kafka's topics into the logs of the shards, each record once.

    1. join    the group says which partitions are this worker's
    2. seek    each is read from the lowest position of all shards on; those are in Redis, never in Kafka
    3. read    in the order in which Kafka took the records, over all of its partitions (ordering.py)
    4. take    one script for each shard appends what is new and moves the shard's position
    5. again   where a position has fallen back, all is sought anew

A crash anywhere, a rebalance or two who read the same partition change nothing: a record below the position of its
shard is left out (taking.py). Trouble with Kafka or Redis never costs a record; what is wrong with a record makes it a
dead letter. What is taken in waits in Redis, so no more is taken while the fold is behind.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from consumers.dead_letters import InKafka
from consumers.kafka.decoding import Decoding
from consumers.kafka.errors import BeyondEnd, LogMisfit, LogUnavailable
from consumers.kafka.gathering import Gathering
from consumers.kafka.judging import judged
from consumers.kafka.member import Member
from consumers.kafka.reading import Part
from consumers.kafka.starting import Start, start_of
from consumers.kafka.taking import Taking
from consumers.kafka.watch import Watch
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter
from consumers.stopping import Stopping
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

GROUP = "opportune"
WAIT_S = 0.2
RETRY_AFTER_S = 0.5
LONGEST_PAUSE_S = 3.0
MOST_RECORDS = 1_000
STOP_WITHIN_S = 2.0
MOVE_UP_EVERY_S = 1.0
NOTE_EVERY_S = 5.0
LOOK_EVERY_S = 2.0
MOST_WAITING_MS = 2_000
"""No more is taken while the oldest record has waited for so long to be folded: Redis holds what waits."""
FOLD_PAUSE_S = 0.2
"""Then it looks so often whether that has changed: each look asks all shards, and the fold needs the time."""
MOST_FAILURES = 3
MOST_LOOKS = 10
MOST_RENEWALS = 2
"""So often a consumer that stands still is made anew; then the process ends, and its supervisor starts it again."""


class Intake:
    """`member`: makes one that has not joined yet."""

    def __init__(
        self,
        store: CustomerStore,
        member: Callable[[], Member],
        watch: Watch,
        decoding: Decoding,
        policies: PolicySource,
        meter: Meter,
        most_waiting_ms: int = MOST_WAITING_MS,
    ) -> None:
        self._store = store
        self._make_member = member
        self._watch = watch
        self._decoding = decoding
        self._policies = policies
        self._meter = meter
        self._most_waiting_ms = most_waiting_ms
        self._taking = Taking(store, meter)
        self._gathering = Gathering()
        self._member: Member | None = None
        self._sought = -1
        """The assignment whose partitions were sought last."""
        self._read_to: dict[Part, int] = {}
        self._moved_up = self._noted = self._idle_s = time.monotonic()
        self._is_stuck = False
        self._renewals = 0
        self._failures = 0
        self.stepped = time.monotonic()
        """When it has last gone round, whether or not there was anything to do."""
        self._stopping = Stopping()

    @property
    def is_stuck(self) -> bool:
        """Whether it has stood still though there is more, and nothing was taken since."""
        return self._is_stuck or self._renewals > 0

    @property
    def read_to(self) -> Mapping[Part, int]:
        """How far each of its partitions was read and taken."""
        return self._read_to

    def stop(self) -> None:
        """The batch in hand is taken; then the group is left."""
        self._stopping.ask()

    async def run(self) -> None:
        """Raises LogMisfit where going on would leave something out, or where nothing moves any more."""
        watching = asyncio.create_task(self._keep_watching())
        try:
            while not self._stopping.asked:
                await self._session()
                self.stepped = time.monotonic()
        finally:
            self._stopping.ask()
            await asyncio.wait([watching], timeout=STOP_WITHIN_S)
            watching.cancel()
            await self._watch.close()

    async def _session(self) -> None:
        """The life of one consumer."""
        self._member, self._sought, self._is_stuck, self._failures = self._make_member(), -1, False, 0
        try:
            await self._member.join()
            while not self._stopping.asked and not self._is_stuck:
                await self.step(self._member)
                self.stepped = time.monotonic()
            self._count_renewal()
        except LogUnavailable as cause:
            told = {"cause": str(cause), "hint": cause.hint}
            log.warning("Kafka unavailable; nothing is taken in", extra=told)
            self._meter.count("intake_failures", reason="kafka")
            await self._stopping.pause(LONGEST_PAUSE_S)
        finally:
            member, self._member, self._read_to = self._member, None, {}
            await member.leave()

    def _count_renewal(self) -> None:
        if not self._is_stuck:
            return
        self._watch.excuse()
        self._renewals += 1
        self._meter.count("intake_renewals")
        log.error("nothing is taken in though there is more; the consumer is made anew")
        if self._renewals > MOST_RENEWALS:
            told = f"nothing was taken in though there is more, and {MOST_RENEWALS} new consumers have not helped"
            raise LogMisfit(told, hint="this process ends, so that it is started again; what it logged before says why")

    async def step(self, member: Member) -> None:
        """One round: what was assigned, one fetch, one script for each shard that has records."""
        try:
            if member.assignments != self._sought:
                await self._seek(member)
            policy = self._policies.current
            if policy is None or self._taking.waiting_ms > self._most_waiting_ms:
                self._watch.excuse()
                await self._stopping.pause(FOLD_PAUSE_S)
                await self._move_up(member)
                return
            records = await self._gathering.gather(member, WAIT_S, MOST_RECORDS)
            await self._take(records, policy)
            if not records:
                self._idle_s = time.monotonic()
            if time.monotonic() - self._moved_up >= MOVE_UP_EVERY_S:
                await self._move_up(member)
            self._failures = 0
        except StoreUnavailable as cause:
            log.warning("store unavailable", extra={"cause": str(cause)})
            self._meter.count("intake_failures", reason="redis")
            await self._again_later()
        except LogUnavailable as cause:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise
            log.warning("Kafka has not answered", extra={"cause": str(cause)})
            await self._again_later()

    async def _again_later(self) -> None:
        """What was done is not known: all is sought anew."""
        self._sought = -1
        self._watch.excuse()
        await self._stopping.pause(RETRY_AFTER_S)

    async def _seek(self, member: Member) -> None:
        """Raises LogMisfit where something between position and log is missing."""
        assignment, parts = member.assignments, member.assigned
        self._read_to = {}
        positions = await self._taking.positions(parts)
        starts = await self._starts(member, positions)
        for part, start in starts.items():
            if start.is_first:
                await self._taking.begin(part, start.offset)
        self._taking.know({part: [at or start.offset for at in positions[part]] for part, start in starts.items()})
        self._read_to = {part: start.offset for part, start in starts.items()}
        self._gathering.begin(self._read_to)
        for part, offset in self._read_to.items():
            member.seek(part, offset)
        self._sought = assignment
        if parts:
            log.info("partitions assigned", extra={"partitions": len(parts)})
        self._meter.gauge("intake_partitions", len(parts))

    async def _starts(
        self, member: Member, positions: Mapping[Part, Sequence[int | None]], looks: int = MOST_LOOKS
    ) -> dict[Part, Start]:
        """Raises LogMisfit."""
        bounds = await member.bounds(positions) if positions else {}
        try:
            return {part: start_of(part, found, *bounds[part]) for part, found in positions.items()}
        except BeyondEnd:  # a new leader may not know yet what is acknowledged
            if looks == 1:
                raise
        await self._stopping.pause(RETRY_AFTER_S)
        return await self._starts(member, positions, looks - 1)

    async def _take(self, records: Sequence[InKafka], policy: LivePolicy) -> None:
        started, read_to = time.monotonic(), self._gathering.taken_to
        if records:
            taken = await judged(records, self._store, self._decoding, policy, self._meter)
            if await self._taking.take(taken, read_to):
                self._lost()
            self._meter.observe("intake_batch", time.monotonic() - started)
        if read_to.keys() == self._read_to.keys() and read_to != self._read_to:
            self._read_to, self._renewals = read_to, 0

    async def _move_up(self, member: Member) -> None:
        """All shards to where was read, also where nothing has come; it notices what a failover has taken back."""
        if self._sought == member.assignments and self._read_to:
            read_to = dict(self._read_to)
            if await self._taking.move_up(read_to):
                self._lost()
            elif time.monotonic() - self._noted >= NOTE_EVERY_S:
                await member.note(read_to)
                self._noted = time.monotonic()
        self._moved_up = time.monotonic()

    def _lost(self) -> None:
        self._sought = -1
        self._meter.count("intake_rewinds")
        log.warning("Redis has lost what was taken in; it is read again")

    async def _keep_watching(self) -> None:
        while not self._stopping.asked:
            await self._stopping.pause(LOOK_EVERY_S)
            member = self._member
            if member is not None and await self._watch.is_stuck(self._read_to, member.joined, self._idle_s):
                self._is_stuck = True
