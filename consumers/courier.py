"""The courier: takes what is for another shard from a stream of its own shard to one of the other's.

That is what one identifier says to another, from transit to outbox; and a record of Kafka that is about somebody else
than could be told where it was taken in, from the re-keyed ones to the other's log.

Two shards may lie on two servers, so that no script can do both. Instead, how far the courier has come stands beside
what it has delivered, in the target's guard (`in:<source shard>`), and a delivery must find what the courier believes.
So each record arrives once and in order, also when two couriers are at work, one dies half-way, or the target loses its
latest writes. What was delivered is kept for a while, so that it can be delivered again after such a loss.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from consumers.meter import Meter
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
START = "0-0"

Route = tuple[int, int]
"""Source shard, target shard."""


@dataclass(frozen=True, slots=True)
class Lane:
    """From which stream of a shard to which of another."""

    source: Callable[[int], str]
    target: Callable[[int], str]
    position: str
    """How the fields of the target's guard begin that say how far it has come."""
    counted: str


IDENTITIES = Lane(keys.transit, keys.outbox, "in", "identity_records_delivered")
REKEYED = Lane(keys.rekeyed, TAKEN_IN.key, "rekeyed", "intake_rekeyed")


@dataclass(frozen=True, slots=True)
class Parcel:
    at: str
    """Its stream id where it comes from."""
    subject: str
    words: tuple[bytes, ...]
    """Fields and values of the entry."""


class Courier:
    """Delivers for the shards that `owned` names."""

    def __init__(
        self, store: CustomerStore, owned: Callable[[], frozenset[int]], meter: Meter, lane: Lane = IDENTITIES
    ) -> None:
        self._store = store
        self._owned = owned
        self._meter = meter
        self._lane = lane
        self._after: dict[int, str] = {}
        """By source shard: all up to here is delivered."""
        self._marks: dict[Route, str] = {}
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
        """Delivers what is there, up to a bound; waits for the first if there is nothing. Returns how many."""
        found = await self._read(wait_ms)
        delivered = 0
        for source, parcels in found.items():
            delivered += await self._deliver(source, parcels)
        if delivered:
            self._meter.count(self._lane.counted, delivered)
        return delivered

    async def _read(self, wait_ms: int) -> dict[int, list[Parcel]]:
        owned = sorted(self._owned())
        self._after = {source: self._after.get(source, START) for source in owned}
        if not owned:
            return {}
        names = {self._lane.source(source).encode(): source for source in owned}
        block = ("BLOCK", wait_ms) if wait_ms else ()
        trip = self._store.scripts.batch()
        trip.add("XREAD", "COUNT", MOST_AT_ONCE, *block, "STREAMS", *names, *self._after.values())
        (answer,) = await trip.run()
        return {names[name]: [_parcel(*each) for each in entries] for name, entries in answer or ()}

    async def _deliver(self, source: int, parcels: Sequence[Parcel]) -> int:
        """Returns how many were new to their targets. All of it is done, or it will be read again."""
        waiting: dict[int, list[Parcel]] = {}
        for each in parcels:
            target = self._store.shard(each.subject)
            # a shard that was lost and has come back is read from its start: the target has some of it
            if _later(each.at, self._marks.get((source, target), START)):
                waiting.setdefault(target, []).append(each)
        delivered = 0
        while waiting:
            trip = self._store.scripts.batch()
            for target, several in waiting.items():
                words = (word for each in several for word in (len(each.words), *each.words))
                args = [self._position(source), self._marks.get((source, target), START), several[-1].at, *words]
                trip.call("deliver", [self._lane.target(target), keys.guard(target)], args)
            for target, answer in zip(list(waiting), await trip.run(), strict=True):
                if answer[0] == b"OK":
                    self._marks[source, target] = waiting[target][-1].at
                    delivered += len(waiting.pop(target))
                elif self._learn((source, target), answer[1].decode()):
                    return delivered
                else:
                    waiting[target] = [each for each in waiting[target] if _later(each.at, self._marks[source, target])]
            waiting = {target: several for target, several in waiting.items() if several}
        self._after[source] = parcels[-1].at
        return delivered

    def _learn(self, route: Route, actual: str) -> bool:
        """Takes the target's word for how far it has come. True if it has lost what it had: all is delivered again."""
        lost = _later(self._marks.get(route, START), actual)
        self._marks[route] = actual
        if lost:
            self._after[route[0]] = START
            log.warning("deliver again", extra={"source": route[0], "target": route[1]})
        return lost

    def _position(self, source: int) -> str:
        return f"{self._lane.position}:{source:04d}"

    async def check(self) -> None:
        """Notices targets that have lost writes also where nothing is delivered."""
        trip, targets = self._store.scripts.batch(), dict[int, list[int]]()
        for source, target in self._marks:
            targets.setdefault(target, []).append(source)
        for target, sources in targets.items():
            trip.add("HMGET", keys.guard(target), *map(self._position, sources))
        for (target, sources), answers in zip(targets.items(), await trip.run(), strict=True):
            for source, answer in zip(sources, answers, strict=True):
                self._learn((source, target), answer.decode() if answer else START)
        await self._trim()
        self._checked = time.monotonic()

    async def _trim(self) -> None:
        """What was delivered long enough ago goes, also where nothing comes after it."""
        trip, oldest = self._store.scripts.batch(), (int(time.time() * 1000) - KEPT_MS) << SEQUENCE_BITS
        for source, after in self._after.items():
            if after != START:
                trip.add("XTRIM", self._lane.source(source), "MINID", stream_id(min(oldest, offset_of(after))))
        await trip.run()


def _parcel(at: bytes, fields: Mapping[bytes, bytes]) -> Parcel:
    return Parcel(at.decode(), fields[b"subject"].decode(), tuple(word for pair in fields.items() for word in pair))


def _later(one: str, other: str) -> bool:
    return offset_of(one) > offset_of(other)
