"""Where a batch of a load goes: into the outboxes, or nowhere.

The records first, then the progress. A crash between the two sends the batch again, which changes nothing, since
its interactions are the same ones. While Redis is away for a moment, or has no room, the load waits; while workers or
the relay to Kafka are far behind too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from app.loading.progress import Loads
from app.room import Room
from consumers.backlog import Backlog
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore, Record
from schemas.load import Load

MOST_BATCHES = 50
"""That may wait for the workers: 50,000 rows."""
LOOK_EVERY_S = 0.05
NOBODY_AFTER_S = 30.0
"""Without any movement for so long it is likely that no worker runs."""
STORE_BACK_WITHIN_S = 60.0
RETRY_AFTER_S = 1.0

Tell = Callable[[str], None]


class Sink(Protocol):
    async def take(self, records: Sequence[Record], progress: Load) -> None:
        """Returns when the records, and how far the load is with them, are kept."""


class Nowhere:
    """Of `--dry-run`."""

    async def take(self, records: Sequence[Record], progress: Load) -> None: ...


class Outboxes:
    """Raises StoreUnavailable where Redis does not come back in time."""

    def __init__(self, store: CustomerStore, loads: Loads, room: Room, tell: Tell) -> None:
        self._store = store
        self._loads = loads
        self._room = room
        self._tell = tell
        self._backlog = Backlog(store, MOST_BATCHES)
        self._begun = False

    async def take(self, records: Sequence[Record], progress: Load) -> None:
        await self._patiently(lambda: self._send(records))
        await self._patiently(lambda: self._loads.keep(progress))

    async def _send(self, records: Sequence[Record]) -> None:
        if not records:
            return
        if not self._begun:
            await self._backlog.begin()
            self._begun = True
        await self._until_others_have_caught_up()
        await self._until_there_is_room()
        await self._store.append(records)
        await self._backlog.appended({self._store.shard(each.subject) for each in records})

    async def _until_there_is_room(self) -> None:
        told = False
        while (why := self._room.why_none) is not None:
            if not told:
                self._tell(f"{why} The load waits")
                told = True
            await asyncio.sleep(LOOK_EVERY_S)

    async def _until_others_have_caught_up(self) -> None:
        moved, positions, told = time.monotonic(), self._backlog.positions, False
        while not await self._backlog.has_room():
            if self._backlog.positions != positions:
                moved, positions, told = time.monotonic(), self._backlog.positions, False
            elif not told and time.monotonic() - moved >= NOBODY_AFTER_S:
                self._tell(f"no worker has moved for {NOBODY_AFTER_S:g} s; start `opportune worker`, the load waits")
                told = True
            await asyncio.sleep(LOOK_EVERY_S)

    async def _patiently(self, go: Callable[[], Awaitable[None]]) -> None:
        give_up = time.monotonic() + STORE_BACK_WITHIN_S
        while True:
            try:
                return await go()
            except StoreUnavailable as cause:
                if time.monotonic() >= give_up:
                    raise
                self._tell(f"Redis does not take the rows ({cause}); trying again")
                await asyncio.sleep(RETRY_AFTER_S)
