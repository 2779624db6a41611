"""The courier: takes what is for another shard from a stream of its own shard to one of the other's.

That is what one identifier says to another, from transit to outbox; and a record of Kafka that is about somebody else
than could be told where it was taken in, from the re-keyed ones to the other's log.

Two shards may lie on two servers, so that no script can do both. Instead, how far the courier has come stands beside
what it has delivered, in the target's guard (`in:<source shard>`), and a delivery must find what the courier believes.
So each record arrives once and in order, also when two couriers are at work, one dies half-way, or the target loses its
latest writes. What was delivered is kept for a while, so that it can be delivered again after such a loss. And what was
read before all shards went back to an earlier moment is not delivered after it (consumers/delivery.py).

The source may lose its latest writes too, and then a target is ahead of it. That shows in the source: what was
delivered last is not there any more. So nothing is delivered from a transit before that was looked at, and the target
asks for what the source has said (consumers/recall.py). What was re-keyed needs no asking: Kafka has it, and it is
taken in and delivered again.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from consumers.delivery import START, Delivery, Parcel, Route, parcel
from consumers.meter import Meter
from consumers.recall import recalled
from consumers.redis_streams import SEQUENCE_BITS, offset_of, stream_id
from consumers.stopping import Stopping
from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

WAIT_MS = 500
RETRY_AFTER_S = 0.5
CHECK_EVERY_S = 1.0
MOST_AT_ONCE = 200
KEPT_MS = 600_000
"""How long a delivered record stays where it came from, should its target lose it."""

IDENTITIES = Route(keys.transit, keys.outbox, "in", "identity_records_delivered")
REKEYED = Route(keys.rekeyed, TAKEN_IN.key, "rekeyed", "intake_rekeyed")


class Courier:
    """Delivers for the shards that `owned` names."""

    def __init__(
        self, store: CustomerStore, owned: Callable[[], frozenset[int]], meter: Meter, route: Route = IDENTITIES
    ) -> None:
        self._store = store
        self._owned = owned
        self._meter = meter
        self._route = route
        self._after: dict[int, str] = {}
        """By source shard: all up to here is delivered."""
        self._marks: dict[int, dict[int, str]] = {}
        """By source and target shard: all up to here is delivered there."""
        self._latest: dict[int, str] = {}
        """By source shard: the latest of its marks. While the transit still has this record, it has lost none."""
        self._doubted: set[int] = set()
        """Source shards of which not every mark is known to be in the transit."""
        self._checked = time.monotonic()
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        while not self._stopping.asked:
            try:
                if not await self.deliver(WAIT_MS):
                    await self._stopping.pause(0 if self._owned() else RETRY_AFTER_S)
                if time.monotonic() - self._checked >= CHECK_EVERY_S:
                    await self.check()
            except StoreUnavailable as cause:
                log.warning("store unavailable", extra={"cause": str(cause)})
                await self._stopping.pause(RETRY_AFTER_S)

    async def deliver(self, wait_ms: int = 0) -> int:
        """Delivers what is there, up to a bound; waits for the first if there is nothing. Returns how much it did: 0
        if there was nothing to do."""
        await self._follow_ownership()
        moved = 0
        for source in sorted(self._doubted):
            moved += await self._verify(source)
        for source, parcels in (await self._read(wait_ms)).items():
            moved += await self._deliver(source, parcels)
        return moved + len(self._doubted)

    async def _follow_ownership(self) -> None:
        owned = self._owned()
        for source in self._after.keys() - owned:
            del self._after[source], self._marks[source], self._latest[source]
            self._doubted.discard(source)
        new = sorted(owned - self._after.keys())
        for source in new:
            self._after[source], self._marks[source], self._latest[source] = START, {}, START
        try:
            await self._ask_targets(new)
        except StoreUnavailable:
            for source in new:  # it is asked again before anything is delivered
                del self._after[source], self._marks[source], self._latest[source]
            raise

    async def _ask_targets(self, sources: Sequence[int]) -> None:
        """How far they have come."""
        if not sources:
            return
        trip = self._store.scripts.batch()
        for target in range(self._store.shards):
            trip.add("HMGET", keys.guard(target), *map(self._route.position_of, sources))
        for target, answers in enumerate(await trip.run()):
            for source, answer in zip(sources, answers, strict=True):
                self._learn(source, target, answer.decode() if answer else START)

    def _learn(self, source: int, target: int, actual: str) -> None:
        """Takes the target's word. If it has lost what it had, that is delivered again; if it has more, somebody else
        has delivered it, and it may be lost in the transit."""
        known = self._marks[source].get(target, START)
        self._marks[source][target] = actual
        if _later(known, actual):
            self._after[source] = START
            log.warning("deliver again", extra={"source": source, "target": target})
        elif _later(actual, known):
            self._doubted.add(source)

    async def _verify(self, source: int) -> int:
        """Looks for every mark in the transit. Returns how many targets have what the transit has lost."""
        marks = {target: mark for target, mark in self._marks[source].items() if mark != START}
        lost = await self._lost(source, marks) if self._route is IDENTITIES else []
        for target in lost:
            log.warning("ask again", extra={"source": source, "target": target})
        learned = [await recalled(self._store, source, target, marks[target], KEPT_MS) for target in lost]
        self._doubted.discard(source)
        for target, actual in zip(lost, learned, strict=True):
            self._learn(source, target, actual)
        self._latest[source] = _latest(self._marks[source].values())
        return len(lost)

    async def _lost(self, source: int, marks: Mapping[int, str]) -> list[int]:
        """The targets whose mark should be in the transit and is not: older ones than the first there were dropped, but
        never the latest."""
        if not marks:
            return []
        trip, latest = self._store.scripts.batch(), _latest(marks.values())
        trip.add("XRANGE", self._route.source(source), "-", "+", "COUNT", 1)
        for mark in marks.values():
            trip.add("XRANGE", self._route.source(source), mark, mark)
        first, *found = await trip.run()
        oldest = first[0][0].decode() if first else latest
        looked_at = zip(marks.items(), found, strict=True)
        return [to for (to, mark), there in looked_at if not there and (mark == latest or not _later(oldest, mark))]

    async def _read(self, wait_ms: int) -> dict[int, list[Parcel]]:
        """What comes next in each transit that has lost nothing. It is read first and looked at then: what was read
        before a loss is dropped."""
        if not self._after:
            return {}
        names = {self._route.source(source).encode(): source for source in self._after}
        block = ("BLOCK", wait_ms) if wait_ms else ()
        trip = self._store.scripts.batch()
        trip.add("XREAD", "COUNT", MOST_AT_ONCE, *block, "STREAMS", *names, *self._after.values())
        delivered = {source: latest for source, latest in self._latest.items() if latest != START}
        for source, latest in delivered.items():
            trip.add("XRANGE", self._route.source(source), latest, latest)
        answer, *there = await trip.run()
        self._doubted |= {source for source, found in zip(delivered, there, strict=True) if not found}
        parcels = {names[name]: [parcel(*each) for each in entries] for name, entries in answer or ()}
        return {source: each for source, each in parcels.items() if source not in self._doubted}

    async def _deliver(self, source: int, parcels: Sequence[Parcel]) -> int:
        """Returns how many were new to their targets. What could not be delivered will be read again."""
        delivery, marks = self._delivery(source, parcels), self._marks[source]
        mark = await delivery.announced()
        if not mark:
            return 1
        missed = await delivery.made(marks, mark)
        delivered = 0
        for target in delivery.waiting.keys() - missed.keys():
            marks[target] = delivery.waiting[target][-1].at
            self._latest[source] = _latest((self._latest[source], marks[target]))
            delivered += len(delivery.waiting[target])
        if not missed:
            self._after[source] = parcels[-1].at
        for target, actual in missed.items():
            self._learn(source, target, actual)
        if delivered:
            self._meter.count(self._route.counted, delivered)
        return delivered + len(missed)

    def _delivery(self, source: int, parcels: Sequence[Parcel]) -> Delivery:
        """After a target has lost something, all is read from the start: others have it."""
        waiting: dict[int, list[Parcel]] = {}
        for each in parcels:
            target = self._store.shard(each.subject)
            if _later(each.at, self._marks[source].get(target, START)):
                waiting.setdefault(target, []).append(each)
        return Delivery(self._store, self._route, source, waiting)

    async def check(self) -> None:
        """Notices targets that have lost writes also where nothing is delivered."""
        await self._ask_targets(sorted(self._after))
        await self._trim()
        self._checked = time.monotonic()

    async def _trim(self) -> None:
        """What was delivered long enough ago goes, also where nothing comes after it."""
        trip, oldest = self._store.scripts.batch(), (int(time.time() * 1000) - KEPT_MS) << SEQUENCE_BITS
        for source, after in self._after.items():
            if after != START:
                trip.add("XTRIM", self._route.source(source), "MINID", stream_id(min(oldest, offset_of(after))))
        await trip.run()


def _latest(several: Iterable[str]) -> str:
    return max(several, key=offset_of, default=START)


def _later(one: str, other: str) -> bool:
    return offset_of(one) > offset_of(other)
