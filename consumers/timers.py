"""Timers: what is due is taken out of the shard's sorted set and said in its outbox, in one script.

A timer that is moved or cancelled meanwhile does not fire; two workers that both see it due fire it once. What
it says is an interaction like any other.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import orjson

from consumers.meter import Meter
from profiles import keys
from profiles.aggregates import digest
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore, Record
from schemas.interaction import TIMER_FIRED, Interaction, to_cloud_event

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
MOST_AT_ONCE = 200
SOURCE = "opportune/timers"


class Timers:
    """Fires the timers of the shards that `owned` names."""

    def __init__(self, store: CustomerStore, owned: Callable[[], frozenset[int]], meter: Meter) -> None:
        self._store = store
        self._owned = owned
        self._meter = meter
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.fire_due(int(time.time() * 1000))
            except StoreUnavailable as cause:
                log.warning("store unavailable", extra={"cause": str(cause)})
            try:
                await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)
            except TimeoutError:
                continue

    async def fire_due(self, now_ms: int) -> int:
        """Fires what is due, oldest first in each shard; returns how many."""
        shards = sorted(self._owned())
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add(*("ZRANGEBYSCORE", keys.timers(shard), "-inf", now_ms, "WITHSCORES", "LIMIT", 0, MOST_AT_ONCE))
        due = [
            (shard, member.decode(), int(due_ms))
            for shard, answer in zip(shards, await trip.run(), strict=True)
            for member, due_ms in answer
        ]
        return await self._fire(due)

    async def _fire(self, due: list[tuple[int, str, int]]) -> int:
        trip = self._store.scripts.batch()
        for shard, member, due_ms in due:
            said = record_of(member, due_ms)
            trip.call("fire", [keys.timers(shard), keys.outbox(shard)], [member, due_ms, *said.args()])
        fired: int = sum(answer[0] == b"OK" for answer in await trip.run())
        if fired:
            self._meter.count("timers_fired", fired)
        return fired


def record_of(member: str, due_ms: int) -> Record:
    """What a timer says. A member is `<subject>|<name>`; a name has no `|`."""
    subject, _, name = member.rpartition("|")
    fired = Interaction(
        id=f"{name}@{due_ms}/{digest(subject)}",  # the name of a customer may be longer than an id
        source=SOURCE,
        type=TIMER_FIRED,
        subject=subject,
        channel="",
        at_ms=due_ms,
        data={"timer": name},
    )
    return Record("interactions", fired.id, subject, orjson.dumps(to_cloud_event(fired)))
