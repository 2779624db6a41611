"""The relay: moves what stands in the streams of the shards to Kafka, in order, and forgets only what Kafka has.

    1. read   the oldest records of each outbox, and what is new among the actions and dead letters
    2. send   all of it; the answer is given once as many brokers have it as the topic requires
    3. cut    the outboxes behind the last record that was sent, or move the positions of the streams that stay

A crash before 3 sends the same records again, with the same ids: each worker finds in the profile that it has folded
them. Two relays on one shard do no harm either. Each sends in order and cuts what Kafka has, so that nothing is lost
and the first copies of all records stand in order; the one that comes second finds at 3 that the records are gone,
and reads again.

Trouble never costs a record. While no broker answers, the outboxes grow; what the topics or the cluster refuse stays
the first in line until an operator has mended it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.messages import Message, message
from consumers.meter import Meter
from consumers.outgoing import Outgoing, Stretch
from consumers.stopping import Stopping
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

WAIT_MS = 500
RETRY_AFTER_S = 0.5
CHECK_EVERY_S = 1.0
SHORTEST_ROUND_S = 0.025
"""A round begins no sooner after the one before: what comes meanwhile goes with it, as a round costs more than a record
does. Who finds nothing waits for the next record, and not for this."""
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3.0
MOST_AT_ONCE = 400
"""Of one stream. Less than what a profile remembers (KEPT_IDENTITIES): what is sent again is found there."""
FIRST_AT_ONCE = 8
"""Before it is known how large records are."""
MOST_BYTES = 8 << 20
"""Of bodies in one batch, about."""
FINISH_WITHIN_S = 2.0
"""How long a batch may still take when the relay is to stop."""
STALE_AFTER_S = 5.0
"""A process that stood still for so long reads again: another relay may have sent what it has read, and more."""
LATER = frozenset(("responses",))
"""Topics whose records are sent once the others of their batch are there: no response stands before its decision."""


class Sends(Protocol):
    """`consumers.kafka.producer.Producer`."""

    async def send(self, messages: Sequence[Message]) -> None: ...


class Relay:
    """Moves the streams of the shards that `owned` names. Whoever has made the producer closes it."""

    def __init__(
        self, store: CustomerStore, owned: Callable[[], frozenset[int]], producer: Sends, meter: Meter
    ) -> None:
        self._outgoing = Outgoing(store)
        self._owned = owned
        self._producer = producer
        self._meter = meter
        self._most = FIRST_AT_ONCE
        self._checked = time.monotonic()
        self._pause_s = SHORTEST_PAUSE_S
        self._stopping = Stopping()

    def stop(self) -> None:
        """A batch that is on its way may take FINISH_WITHIN_S; then it is given up, and the next owner sends it."""
        self._stopping.ask()

    async def run(self) -> None:
        # depth and age are known also while a batch waits for Kafka
        await asyncio.gather(self._keep_moving(), self._stopping.repeat(self.look, CHECK_EVERY_S, log))

    async def _keep_moving(self) -> None:
        while not self._stopping.asked:
            began = time.monotonic()
            try:
                if not await self.move(WAIT_MS):
                    await self._stopping.pause(0 if self._owned() else RETRY_AFTER_S)
                elif (early_s := SHORTEST_ROUND_S - (time.monotonic() - began)) > 0:
                    await self._stopping.pause(early_s)
                self._pause_s = SHORTEST_PAUSE_S
                self._meter.gauge("relay_misfit", 0)
            except StoreUnavailable as cause:
                log.warning("store unavailable", extra={"cause": str(cause)})
                await self._stopping.pause(RETRY_AFTER_S)
            except LogUnavailable as cause:
                self._meter.count("relay_failures", reason="unavailable")
                log.warning("Kafka unavailable; the outboxes wait", extra={"cause": str(cause)})
                await self._longer_pause()
            except LogMisfit as cause:
                self._meter.count("relay_failures", reason="misfit")
                self._meter.gauge("relay_misfit", 1)
                told = {"cause": str(cause), "hint": cause.hint}
                log.error("Kafka refuses what stands in the outboxes", extra=told)  # noqa: TRY400 (it says all)
                await self._longer_pause()

    async def _longer_pause(self) -> None:
        await self._stopping.pause(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    async def look(self) -> None:
        """Tells the meter what waits."""
        waiting, oldest_s = await self._outgoing.depth(sorted(self._owned()))
        self._meter.gauge("relay_waiting", waiting)
        self._meter.gauge("relay_oldest_seconds", oldest_s)

    async def move(self, wait_ms: int = 1) -> int:
        """Moves what is there, up to a bound; waits for the first if there is nothing. Returns how many.

        Raises StoreUnavailable, LogUnavailable, LogMisfit: then all that was read is still in line.
        """
        owned = self._owned()
        if not owned:
            return 0
        self._check()
        asked = time.monotonic()
        stretches = await self._outgoing.read(owned, self._most, wait_ms)
        self._most = next_most(self._most, stretches)
        messages = waves(stretches)
        if time.monotonic() - asked > STALE_AFTER_S:
            return 0
        for wave in messages:
            await self._send(wave)
        return await self._forget(stretches)

    def _check(self) -> None:
        """Notices positions that Redis has lost also where nothing new comes."""
        if time.monotonic() - self._checked >= CHECK_EVERY_S:
            self._outgoing.forget_positions()
            self._checked = time.monotonic()

    async def _forget(self, stretches: Sequence[Stretch]) -> int:
        if not stretches:
            return 0
        moved = sum(len(each.records) for each in stretches)
        self._meter.count("relay_sent", moved)
        if missed := await self._outgoing.sent(stretches):
            log.info("streams were not as they were read; they are read again", extra={"streams": missed})
        return moved

    async def _send(self, messages: Sequence[Message]) -> None:
        sending = asyncio.create_task(self._producer.send(messages))
        try:
            stopped = None
            while not (await asyncio.wait({sending}, timeout=RETRY_AFTER_S))[0]:
                stopped = stopped or (time.monotonic() if self._stopping.asked else None)
                if stopped and time.monotonic() - stopped >= FINISH_WITHIN_S:
                    raise LogUnavailable("told to stop, and Kafka has not acknowledged yet")
            await sending
        finally:
            sending.cancel()
            await asyncio.wait({sending})


def waves(stretches: Iterable[Stretch]) -> list[list[Message]]:
    """The messages of a batch, in the order of their streams: what is sent first, and what once that is there."""
    first: list[Message] = []
    later: list[Message] = []
    for each in stretches:
        shard, _ = each.source
        for waiting in each.records:
            said = message(waiting.record, shard, waiting.taken_ms, waiting.schema, waiting.first_ms)
            (later if said.topic in LATER else first).append(said)
    return [wave for wave in (first, later) if wave]


def next_most(most: int, stretches: Iterable[Stretch]) -> int:
    """How many records to read of each stream the next time: fewer of large ones."""
    size = sum(len(each.record.body) for stretch in stretches for each in stretch.records)
    return max(1, min(MOST_AT_ONCE, 2 * most, most * MOST_BYTES // max(1, size)))
