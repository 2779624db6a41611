"""The role `archive` of a worker: brings the log into the archive, each record once.

How far it is says the archive itself, in the names of its files. A crash before a file is published has done nothing;
after that the next archiver finds it. Two archivers on one partition write the same files, so that no fence is needed.
What has left the log before it was archived is missed loudly.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from consumers.archive import ARCHIVED, GROUP
from consumers.archive.cutting import GRACE_MS
from consumers.archive.file_writer import FileWriter, Progress
from consumers.archive.names import Held
from consumers.archive.place import Place
from consumers.archive.survey import newest
from consumers.kafka.connection import Connection
from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.partitions import PartitionReader, Share
from consumers.kafka.reading import Part
from consumers.meter import Meter
from consumers.stopping import Stopping

log = logging.getLogger(__name__)

WAIT_S = 1.0
RETRY_AFTER_S = 5.0


class Archiver:
    """`slot_ms`: divides an hour; a file holds what came in one slot at most. `member`: static membership."""

    def __init__(
        self,
        connection: Connection,
        place: Place,
        meter: Meter,
        slot_ms: int,
        member: str | None = None,
        grace_ms: int = GRACE_MS,
        topics: Collection[str] = ARCHIVED,
        group: str = GROUP,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._share = Share(connection, group, topics, member)
        self._reader = PartitionReader(connection)
        self._place = place
        self._meter = meter
        self._clock = clock
        self._stopping = Stopping()
        self._writer = FileWriter(
            self._reader, place, meter, slot_ms, grace_ms, self._now_ms, lambda: self._stopping.asked
        )
        self._drafts: Path | None = None
        self._parts: dict[Part, Progress] = {}
        self._refused: frozenset[Part] = frozenset()

    @property
    def positions(self) -> Mapping[Part, int]:
        """Of each partition that it has, the first offset that is not in the archive."""
        return {part: each.position for part, each in self._parts.items() if each.position is not None}

    def stop(self) -> None:
        """Lets the file in hand go; whoever comes next writes it."""
        self._stopping.ask()

    async def run(self) -> None:
        """Raises LogMisfit where the place is none."""
        while not self._stopping.asked:
            try:
                await self.step()
            except LogUnavailable as cause:
                log.warning("the archive waits", extra={"cause": str(cause), "hint": cause.hint})
                await self._close()
                await self._stopping.pause(RETRY_AFTER_S)
        await self._close()

    async def step(self) -> int:
        """One file of each partition that has one; returns how many. Raises LogUnavailable, and LogMisfit."""
        if self._drafts is None:
            self._drafts = await asyncio.to_thread(self._place.prepare)
        now_ms = self._now_ms()
        is_due = any(each.look_at_ms <= now_ms for each in self._parts.values())
        await self._follow_ownership(await self._share.owned(0 if is_due else WAIT_S))
        written = {}
        for progress in [each for each in self._parts.values() if each.look_at_ms <= now_ms]:
            if self._stopping.asked:
                break
            if await self._wrote(progress, self._drafts):
                written[progress.part] = progress.position or 0
        await self._share.note(written)
        self._tell()
        return len(written)

    async def _follow_ownership(self, owned: frozenset[Part]) -> None:
        for part in self._parts.keys() - owned:
            del self._parts[part]
        self._refused &= owned
        new = owned - self._parts.keys() - self._refused
        if new:
            found = await asyncio.to_thread(self._newest, new)
            for part in sorted(new):
                last = found.get(part)
                self._parts[part] = Progress(part, last, None if last is None else last.last + 1)
            log.info("archiving partitions", extra={"partitions": len(new)})

    def _newest(self, parts: Iterable[Part]) -> dict[Part, Held]:
        numbers: dict[str, set[int]] = {}
        for part in parts:
            numbers.setdefault(part.topic, set()).add(part.number)
        return newest(each for topic, some in numbers.items() for each in self._place.newest_files(topic, some))

    async def _wrote(self, progress: Progress, drafts: Path) -> bool:
        """What is wrong with one partition does not keep the others from the archive."""
        try:
            return await self._writer.write(progress, drafts)
        except LogMisfit as cause:
            why = {"partition": str(progress.part), "why": str(cause), "hint": cause.hint}
            log.exception("a partition is not archived", extra=why)
            self._refused |= {progress.part}
            del self._parts[progress.part]
            return False

    def _tell(self) -> None:
        waiting = [each.waiting_ms for each in self._parts.values() if each.waiting_ms is not None]
        self._meter.gauge("archive_lag_seconds", max(0.0, self._clock() - min(waiting) / 1000) if waiting else 0.0)
        self._meter.gauge("archive_refused_partitions", len(self._refused))

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def _close(self) -> None:
        self._parts.clear()
        drafts, self._drafts = self._drafts, None
        await self._share.leave()
        await self._reader.close()
        if drafts is not None:
            await asyncio.to_thread(self._place.leave, drafts)
