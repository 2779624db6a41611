"""A bad wire between production code and a real Redis, and turns that make a run repeat.

`HostileScripts` stands where the store keeps its `Scripts`: each round trip may be cut, sliced, sent twice, done
late, or be the last thing its process does. `Turns` lets one actor go on at a time, up to its next round trip, so
that one seed is one interleaving.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from redis.asyncio import Redis

from consumers.log import LogRecord
from consumers.redis_streams import Asked, RedisStreams
from profiles.errors import StoreUnavailable
from profiles.scripts import Batch, Scripts, source
from profiles.trip import Trip


class Crash(Exception):  # noqa: N818
    """The process is gone."""


class Fate(Enum):
    """What becomes of a round trip."""

    NOTHING = "done"
    SLICED = "others come between its commands"
    RESENT = "done, the answer lost, sent again"
    CUT_AND_RESENT = "cut in the middle, sent again"
    LATE = "reported as failed, done later"
    FAILED = "reported as failed, not done"
    FAILED_AFTER = "reported as failed, but done"
    CRASH_BEFORE = "the process dies before it"
    CRASH_WITHIN = "the process dies in the middle of it"
    CRASH_AFTER = "the process dies after it"


BAD = tuple(each for each in Fate if each is not Fate.NOTHING)


class Turns:
    """Gives turns to actors that wait for one; nothing else runs meanwhile."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._back = asyncio.Event()

    async def take(self, name: str) -> None:
        """Called by an actor: waits until it is told to go on."""
        self._waiting[name] = asyncio.get_running_loop().create_future()
        self._back.set()
        await self._waiting[name]

    async def give(self, name: str) -> None:
        """Called by the director: returns when the actor waits again. Raises what the actor's task raised."""
        self._back.clear()
        self._waiting.pop(name).set_result(None)
        await self._back.wait()

    async def until_waiting(self, names: Sequence[str]) -> None:
        while not all(name in self._waiting for name in names):
            self._back.clear()
            await self._back.wait()


class Wire:
    """One actor's connection to Redis."""

    def __init__(self, name: str, turns: Turns, chance: random.Random, badness: float, trace: list[str]) -> None:
        self.name = name
        self.badness = badness
        self.late: list[Batch] = []
        self._turns = turns
        self._chance = chance
        self._trace = trace

    async def turn(self) -> None:
        await self._turns.take(self.name)

    def fate(self) -> Fate:
        return self._chance.choice(BAD) if self._chance.random() < self.badness else Fate.NOTHING

    def somewhere(self, count: int) -> int:
        return self._chance.randint(0, count)

    def note(self, what: str) -> None:
        self._trace.append(f"{self.name:>8}  {what}")


@dataclass(frozen=True, slots=True)
class Broken:
    """A script with a check taken out."""

    script: str
    check: str
    instead: str


class HostileScripts(Scripts):
    def __init__(self, redis: Redis, wire: Wire, broken: Broken | None = None) -> None:
        super().__init__(redis)
        self.wire = wire
        self._broken = broken

    async def load(self) -> None:
        await super().load()
        if self._broken is not None:
            text = source(self._broken.script)
            assert self._broken.check in text
            changed = text.replace(self._broken.check, self._broken.instead)
            self.sha[self._broken.script] = str(await self.redis.script_load(changed))

    def batch(self) -> Batch:
        return HostileBatch(self, self.wire)


class HostileBatch(Batch):
    """What was flushed is done at once, in part, or with the rest; if nobody waits for it, late or not at all."""

    def __init__(self, scripts: Scripts, wire: Wire) -> None:
        super().__init__(scripts)
        self._wire = wire
        self._answers: list[Any] = []
        self._sent = 0
        self._is_over = False

    async def flush(self) -> None:
        done, self._sent = len(self._answers), len(self._steps)
        self._answers += await self._part(slice(done, done + self._wire.somewhere(self._sent - done))).run()

    async def drop(self) -> None:
        waiting = slice(len(self._answers), self._sent)
        if not self._is_over and self._sent > len(self._answers) and self._wire.somewhere(1):
            self._wire.late.append(self._part(waiting))
        self._is_over = True

    async def run(self) -> list[Any]:
        if not self._steps:
            return []
        await self._wire.turn()
        fate = self._wire.fate()
        self._wire.note(f"{self._described()}: {fate.value}")
        return await self._meet(fate)

    async def _meet(self, fate: Fate) -> list[Any]:
        left = len(self._steps) - len(self._answers)
        at = len(self._answers) + self._wire.somewhere(left)
        match fate:
            case Fate.SLICED:
                await self._do(slice(len(self._answers), at))
                await self._wire.turn()
            case Fate.RESENT | Fate.CUT_AND_RESENT:
                await self._part(slice(len(self._answers), at if fate is Fate.CUT_AND_RESENT else None)).run()
                await self._wire.turn()
                self._answers = []
            case Fate.LATE:
                self._wire.late.append(self._part(slice(len(self._answers), None)))
                self._is_over = True
                raise StoreUnavailable(fate.value)
            case Fate.FAILED:
                raise StoreUnavailable(fate.value)
            case Fate.FAILED_AFTER:
                await self._do(slice(len(self._answers), None))
                raise StoreUnavailable(fate.value)
            case Fate.CRASH_BEFORE:
                raise Crash
            case Fate.CRASH_WITHIN | Fate.CRASH_AFTER:
                await self._do(slice(len(self._answers), at if fate is Fate.CRASH_WITHIN else None))
                raise Crash
        await self._do(slice(len(self._answers), None))
        self._is_over = True
        return self._answers

    async def _do(self, which: slice) -> None:
        self._answers += await self._part(which).run()

    def _part(self, which: slice) -> Batch:
        part = Batch(self._scripts)
        part._steps = self._steps[which]
        return part

    def _described(self) -> str:
        names = {sha: name for name, sha in self._scripts.sha.items()}
        return ", ".join(names[step[1]] if step[0] == "EVALSHA" else str(step[0]) for step in self._steps)


class AssignedStreams(RedisStreams):
    """The embedded log, with the ownership that the director has decided."""

    def __init__(self, redis: Redis, shards: int, wire: Wire, assigned: Callable[[], frozenset[int]]) -> None:
        super().__init__(redis, shards, wire.name)
        self._wire = wire
        self._assigned = assigned

    async def owned(self) -> frozenset[int]:
        return self._assigned()

    async def read(self, positions: Mapping[int, int], most: int, wait_ms: int) -> dict[int, list[LogRecord]]:
        await self._wire.turn()
        found = await super().read(positions, self._wire.somewhere(most - 1) + 1, wait_ms)
        self._wire.note(f"reads {sum(map(len, found.values()))} records")
        return found

    async def read_ahead(self, positions: Mapping[int, int], most: int) -> None:
        await super().read_ahead(positions, self._wire.somewhere(most - 1) + 1)

    async def _ask(self, positions: Mapping[int, int], most: int, options: tuple[Any, ...] = ()) -> Asked:
        asked = await super()._ask(positions, most, options)
        return Asked(asked.positions, Arrived(self._redis, await asked.trip.answers()))


class Arrived(Trip):
    """An answer that has been waited for, so that when Redis reads is the same in every run of a seed."""

    def __init__(self, redis: Redis, answers: list[Any]) -> None:
        super().__init__(redis)
        self._found = answers

    async def answers(self, within_s: float = 0.0) -> list[Any]:
        return self._found
