"""Timers: what is due is taken out of the shard's sorted set and said in its outbox, in one script for each shard.

A timer that is moved or cancelled meanwhile does not fire; two workers that both see it due fire it once. What
it says is an interaction like any other.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter

import orjson

from consumers.meter import Meter
from consumers.stopping import Stopping
from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore, Record
from schemas.interaction import LONGEST_ID, TIMER_FIRED, Interaction, to_cloud_event

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
MOST_AT_ONCE = 200
SOURCE = "opportune/timers"
Due = tuple[int, str, int]
"""Shard, member and due time in ms."""


class Timers:
    """Fires the timers of the shards that `owned` names."""

    def __init__(self, store: CustomerStore, owned: Callable[[], frozenset[int]], meter: Meter) -> None:
        self._store = store
        self._owned = owned
        self._meter = meter
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        while not self._stopping.asked:
            waiting = False
            try:
                due = await self._due(int(time.time() * 1000))
                await self._fire(due)
                # after an outage there is more: it goes on at once, and what else this process does goes on between
                waiting = MOST_AT_ONCE in Counter(shard for shard, _, _ in due).values()
            except StoreUnavailable as cause:
                log.warning("store unavailable", extra={"cause": str(cause)})
            await self._stopping.pause(0 if waiting else LOOK_EVERY_S)

    async def fire_due(self, now_ms: int) -> int:
        """Fires the MOST_AT_ONCE of each shard that have been due for longest, in order; returns how many."""
        return await self._fire(await self._due(now_ms))

    async def _due(self, now_ms: int) -> list[Due]:
        shards = sorted(self._owned())
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add(*("ZRANGEBYSCORE", keys.timers(shard), "-inf", now_ms, "WITHSCORES", "LIMIT", 0, MOST_AT_ONCE))
        for shard in shards:
            trip.add("ZCARD", keys.timers(shard))
        answers = await trip.run()
        self._meter.gauge("timers_pending", sum(answers[len(shards) :]))
        found = zip(shards, answers, strict=False)
        return [(shard, member.decode(), int(due_ms)) for shard, answer in found for member, due_ms in answer]

    async def _fire(self, due: list[Due]) -> int:
        trip = self._store.scripts.batch()
        for shard, several in groupby(due, key=itemgetter(0)):
            said = [word for _, member, at_ms in several for word in (member, at_ms, *record_of(member, at_ms).args())]
            trip.call("fire", [keys.timers(shard), keys.outbox(shard)], said)
        answers, now_ms = await trip.run(), time.time() * 1000
        fired = [int(due_ms) for answer in answers for due_ms in answer[1:]]
        for due_ms in fired:
            self._meter.observe("timer_lateness", max(0.0, now_ms - due_ms) / 1000)
        if fired:
            self._meter.count("timers_fired", len(fired))
        return len(fired)


def record_of(member: str, due_ms: int) -> Record:
    """What a timer says. A member is `<subject>|<name>`; a name has no `|`."""
    subject, _, name = member.rpartition("|")
    fired = interaction_of(subject, name, due_ms)
    return Record("interactions", fired.identity, subject, orjson.dumps(to_cloud_event(fired)))


def interaction_of(subject: str, name: str, due_ms: int) -> Interaction:
    """The interaction that says that a timer is due."""
    return Interaction(
        id=_id_of(f"{subject}|{name}", due_ms),
        source=SOURCE,
        type=TIMER_FIRED,
        subject=subject,
        channel="",
        at_ms=due_ms,
        data={"timer": name},
    )


def _id_of(member: str, due_ms: int) -> str:
    """One that is too long for the id of an event is told by its hash."""
    readable = f"{member}@{due_ms}"
    return (
        readable if len(readable) <= LONGEST_ID else f"{blake2b(member.encode(), digest_size=16).hexdigest()}@{due_ms}"
    )
