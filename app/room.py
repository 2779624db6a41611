"""Whether the store has room for more interactions: they are refused before Redis is full, so that decisions and
responses go on.

Where Redis has a `maxmemory`, interactions stop at ROOM_SHARE of it. Where it has none, they stop while more than
`most` records wait in the outboxes for Kafka, or, without Kafka, for the workers. Looked at once a second in the
background; while nothing is known there is room.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import NoRoom
from consumers.stopping import Stopping
from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

ROOM_SHARE = 0.8
LOOK_EVERY_S = 1.0


class Room:
    """`kept`: so many of each outbox's records wait for nobody (without Kafka they stay after they were folded)."""

    def __init__(self, store: CustomerStore, most: int, kept: int) -> None:
        self._store = store
        self._most = most
        self._kept = kept
        self._why: str | None = None
        self._stopping = Stopping()

    @property
    def why_none(self) -> str | None:
        """A sentence where there was no room at the last look."""
        return self._why

    def require(self) -> None:
        """Raises NoRoom."""
        if self._why is not None:
            raise NoRoom(self._why)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator["Room"]:
        """Looks again and again until the end."""
        await self._try_to_look()
        task = asyncio.create_task(self._follow())
        try:
            yield self
        finally:
            self._stopping.ask()
            await task

    async def _follow(self) -> None:
        """Not to be cancelled (app/publishing.py says why)."""
        while True:
            await self._stopping.pause(LOOK_EVERY_S)
            if self._stopping.asked:
                return
            await self._try_to_look()

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except StoreUnavailable as cause:
            self._tell(None)
            log.warning("cannot look for room", extra={"cause": str(cause)})

    async def look(self) -> None:
        """Raises StoreUnavailable."""
        trip = self._store.scripts.batch()
        trip.add("INFO", "memory")
        for shard in range(self._store.shards):
            trip.add("XLEN", keys.outbox(shard))
        memory, *lengths = await trip.run()
        self._tell(_of_memory(memory) if int(memory["maxmemory"]) else self._of_outboxes(lengths))

    def _tell(self, why: str | None) -> None:
        if (why is None) != (self._why is None):
            log.warning("interactions are taken again" if why is None else f"interactions are refused: {why}")
        self._why = why

    def _of_outboxes(self, lengths: list[int]) -> str | None:
        waiting = sum(max(0, each - self._kept) for each in lengths)
        if waiting <= self._most:
            return None
        return f"{waiting:,} records wait in the outboxes, more than the {self._most:,} that are allowed."


def _of_memory(memory: dict[str, int]) -> str | None:
    """What Redis counts when it refuses to write."""
    used = int(memory["used_memory"]) - int(memory.get("mem_not_counted_for_evict", 0))
    share = used / int(memory["maxmemory"])
    return f"Redis has used {share:.0%} of the memory that it may have." if share > ROOM_SHARE else None
