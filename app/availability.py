"""Whether the store answers, so that nobody has to find out for themselves, each with a time-out of their own.

Whoever meets a store that is away or late says so (`suspect`). Then it is asked again and again until it answers; it
counts as away once it has not answered in CONFIRM_S. Nothing is asked while nobody suspects anything.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any, Final, Literal, TypeVar

from consumers.stopping import Stopping
from profiles.connection import UNREACHABLE, Redis
from profiles.errors import StoreUnavailable

log = logging.getLogger(__name__)

CONFIRM_S = 0.1
PASSES = 10
"""Of the event loop, at least, while an answer is waited for: a process that is busy is late itself."""
ASK_EVERY_S = 0.1
AWAY = "the store does not answer"

Result = TypeVar("Result")


class Late(Enum):
    """What `within` gives where there is no result yet."""

    LATE = "late"


LATE: Final = Late.LATE


async def within(work: Coroutine[Any, Any, Result], seconds: float) -> Result | Literal[Late.LATE]:
    """The result of the work if there is one in time. Otherwise it goes on, since a command that was sent cannot be
    taken back, and a connection that is left in the middle of an answer is of no use; nobody looks at its result."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return task.result()
    _running.add(task)
    task.add_done_callback(_forget)
    return LATE


_running: set[asyncio.Future[Any]] = set()


def _forget(task: asyncio.Future[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.debug("what came too late has failed", extra={"cause": str(error)})


class Availability:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._away_since: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._stopping = Stopping()

    @property
    def is_away(self) -> bool:
        return self._away_since is not None

    def require(self) -> None:
        """Raises StoreUnavailable where it is known to be away."""
        if self.is_away:
            raise StoreUnavailable(AWAY)

    def suspect(self) -> None:
        """Somebody has met it away, or late."""
        if not self._stopping.asked and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())

    async def ask(self, question: Callable[[], Coroutine[Any, Any, Result]], within_s: float) -> Result:
        """Raises StoreUnavailable also where it is known to be away, which asks nothing, and where no answer comes in
        time."""
        self.require()
        found = await within(question(), within_s)
        if found is LATE:
            self.suspect()
            raise StoreUnavailable(AWAY)
        return found

    @asynccontextmanager
    async def watched(self) -> AsyncIterator["Availability"]:
        """Asks no more after the end."""
        try:
            yield self
        finally:
            self._stopping.ask()
            if self._asking is not None:
                await asyncio.wait({self._asking})

    async def _ask(self) -> None:
        while not (answers := await self._answers()) and not self._stopping.asked:
            await self._stopping.pause(ASK_EVERY_S)
        if answers and self._away_since is not None:
            log.warning("the store answers again", extra={"away_s": round(time.monotonic() - self._away_since, 1)})
            self._away_since = None

    async def _answers(self) -> bool:
        """Waits as long as redis-py does; it counts as away meanwhile."""
        asked = asyncio.ensure_future(self._ping())
        for _ in range(PASSES):
            await asyncio.wait({asked}, timeout=CONFIRM_S / PASSES)
        if not asked.done() or not asked.result():
            self._note_away()
        return await asked

    def _note_away(self) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.error("the store does not answer; placements get their defaults")

    async def _ping(self) -> bool:
        try:
            return bool(await self._redis.ping())
        except UNREACHABLE:
            return False
