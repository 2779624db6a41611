"""One delivery: what was read of a stream of one shard goes to streams of others, if it still stands where it was read.

Redis may go back to an earlier moment between the two, and the position in the target be what it was: then the target
would get what nobody has said any more, and what is said instead as well. So a delivery is *announced* after it was
read: a mark goes into the target's guard, and only then the source is looked at once more. The delivery must find the
mark. Where source and target lie on one server, what survives is a first part of what that server has done, and
whoever has the mark has what was read before it. A server of the source's own may fall back later than that; so it
may after the delivery (consumers/recall.py).
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profiles import keys
from profiles.store import CustomerStore

START = "0-0"


@dataclass(frozen=True, slots=True)
class Route:
    """From which stream of a shard to which of another."""

    source: Callable[[int], str]
    target: Callable[[int], str]
    position: str
    """How the fields of the target's guard begin that say how far it has come."""
    counted: str

    def position_of(self, source: int) -> str:
        return f"{self.position}:{source:04d}"


@dataclass(frozen=True, slots=True)
class Parcel:
    at: str
    """Its stream id where it comes from."""
    subject: str
    words: tuple[bytes, ...]
    """Fields and values of the entry."""


def parcel(at: bytes, fields: Mapping[bytes, bytes]) -> Parcel:
    return Parcel(at.decode(), fields[b"subject"].decode(), tuple(word for pair in fields.items() for word in pair))


@dataclass(frozen=True, slots=True)
class Delivery:
    store: CustomerStore
    route: Route
    source: int
    waiting: Mapping[int, Sequence[Parcel]]
    """By target shard, each in the order of the source."""

    async def announced(self) -> str:
        """The mark that it must find. Empty if the source has lost what was read: then nothing may be delivered."""
        mark, trip = secrets.token_hex(8), self.store.scripts.batch()
        latest = [parcels[-1].at for parcels in self.waiting.values()]
        for target in self.waiting:
            trip.add("HSET", keys.guard(target), f"{self.route.position_of(self.source)}:next", mark)
        for at in latest:
            trip.add("XRANGE", self.route.source(self.source), at, at)
        answers = await trip.run()
        return mark if all(answers[len(latest) :]) else ""

    async def made(self, marks: Mapping[int, str], mark: str) -> dict[int, str]:
        """`marks`: how far the targets have come. Returns how far those have come that have refused it."""
        trip = self.store.scripts.batch()
        for target, parcels in self.waiting.items():
            words: list[Any] = [word for each in parcels for word in (len(each.words), *each.words)]
            args = [self.route.position_of(self.source), marks.get(target, START), parcels[-1].at, mark, *words]
            trip.call("deliver", [self.route.target(target), keys.guard(target)], args)
        answers = zip(self.waiting, await trip.run(), strict=True)
        return {target: answer[1].decode() for target, answer in answers if answer[0] != b"OK"}
