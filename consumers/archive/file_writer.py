"""Writes the next file of one partition, where there is one to write.

1. start    the offset that follows the newest file; the log must still be the one that the files are of
2. read     from there on, once the slot of the first record is over
3. cut      where the log says that the file ends (consumers/archive/cutting.py)
4. publish  the file, under a name that says which offsets it holds
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from consumers.archive.cutting import Cut, closes_ms
from consumers.archive.draft import Draft
from consumers.archive.names import Held, held
from consumers.archive.place import Place
from consumers.dead_letters import InKafka
from consumers.kafka.errors import LogMisfit
from consumers.kafka.partitions import Bounds, PartitionReader
from consumers.kafka.reading import Part
from consumers.meter import Meter

log = logging.getLogger(__name__)

MOST_EMPTY = 4
"""Fetches without a record, before the end of a partition, after which a transaction must be open there."""
LOOK_AGAIN_MS = 10_000


@dataclass(slots=True)
class Progress:
    """Of one partition."""

    part: Part
    newest: Held | None
    position: int | None
    """The offset that follows the newest file; None where there is none."""
    look_at_ms: int = 0
    """Not before then."""
    waiting_ms: int | None = None
    """When the log took the first record that is not in the archive."""
    known_log: bool = False
    """Whether the log was found to be the one that the files are of."""


class FileWriter:
    def __init__(
        self,
        reader: PartitionReader,
        place: Place,
        meter: Meter,
        slot_ms: int,
        grace_ms: int,
        now_ms: Callable[[], int],
        stopped: Callable[[], bool],
    ) -> None:
        self._reader = reader
        self._place = place
        self._meter = meter
        self._slot_ms = slot_ms
        self._grace_ms = grace_ms
        self._now_ms = now_ms
        self._stopped = stopped

    async def write(self, progress: Progress, drafts: Path) -> bool:
        """False if there is none to write now; `look_at_ms` says when there may be.

        Raises LogMisfit where the log is not the one that was archived, and LogUnavailable.
        """
        asked_ms = self._now_ms()
        bounds = (await self._reader.bounds([progress.part]))[progress.part]
        progress.position = start = await self._start(progress, bounds)
        progress.look_at_ms, progress.waiting_ms = self._closes_ms(asked_ms), None
        if start >= bounds.end:
            return False
        draft = Draft(drafts, progress.part)
        try:
            cut = await self._gathered(progress, start, bounds.end, asked_ms, draft)
            if cut is not None:
                await self._publish(progress, draft, held(progress.part, start, cut.last, cut.begins_ms))
        finally:
            draft.discard()
        return cut is not None

    async def _gathered(self, progress: Progress, start: int, end: int, asked_ms: int, draft: Draft) -> Cut | None:
        """Reads what belongs into the file. `end`: of the log at `asked_ms` or later. None if it is not whole yet."""
        cut: Cut | None = None
        empty = 0
        async with aclosing(self._reader.read(progress.part, start)) as portions:
            async for entries, following in portions:
                for entry in entries:
                    if cut is None:
                        if await self._comes_later(progress, start, entry, asked_ms):
                            return None
                        cut = Cut(entry, self._slot_ms)
                    elif not cut.takes(entry):
                        return cut
                    await draft.add(entry)
                if following >= end:
                    return cut  # the slot was over when the log ended here, so nothing more comes into it
                empty = 0 if entries else empty + 1
                if empty >= MOST_EMPTY or self._stopped():
                    break  # a transaction is open, and what it holds may still belong into this file
        progress.look_at_ms = asked_ms + LOOK_AGAIN_MS
        return None

    async def _comes_later(self, progress: Progress, start: int, first: InKafka, asked_ms: int) -> bool:
        """Whether the slot of the first record is not over, or retention took the one before while we looked."""
        progress.waiting_ms = first.at_ms
        closes = self._closes_ms(first.at_ms)
        if asked_ms < closes:
            progress.look_at_ms = closes
            return True
        if first.offset == start:
            return False
        has_gone = (await self._reader.bounds([progress.part]))[progress.part].begin > start
        if has_gone:
            progress.look_at_ms = 0
        return has_gone

    async def _start(self, progress: Progress, bounds: Bounds) -> int:
        """Raises LogMisfit. What has left the log unarchived is passed over, and said."""
        part, position = progress.part, progress.position
        if position is None:
            if bounds.begin:
                log.warning("the archive begins late", extra={"partition": str(part), "offset": bounds.begin})
            return bounds.begin
        if position > bounds.end or not await self._is_the_log(progress, bounds):
            raise LogMisfit(
                f"the log of {part} is not the one that was archived up to offset {position}; it ends at {bounds.end}",
                hint="a topic that was made anew takes an archive of its own: set OPPORTUNE_ARCHIVE to a new place",
            )
        if position >= bounds.begin:
            return position
        gone = bounds.begin - position
        log.error("the archive has a gap", extra={"partition": str(part), "offset": position, "offsets": gone})
        self._meter.count("archive_lost", gone, topic=part.topic)
        return bounds.begin

    async def _is_the_log(self, progress: Progress, bounds: Bounds) -> bool:
        """Whether the last archived record, if the log still has it, was taken when the archive says."""
        last = progress.newest
        if progress.known_log or last is None or not bounds.begin <= last.last < bounds.end:
            return True
        footer = await asyncio.to_thread(self._place.footer, last)
        async with aclosing(self._reader.read(last.part, last.last)) as portions:
            async for entries, following in portions:
                if entries or following > last.last:
                    found = [(each.offset, each.at_ms) for each in entries[:1]]
                    progress.known_log = found == [(last.last, footer.last_taken_ms)]
                    break
        return progress.known_log

    async def _publish(self, progress: Progress, draft: Draft, file: Held) -> None:
        await draft.finish(file)
        await asyncio.to_thread(self._place.publish, draft.path, file)
        progress.position, progress.newest, progress.known_log = file.last + 1, file, True
        progress.look_at_ms, progress.waiting_ms = 0, None
        self._meter.count("archive_files", topic=file.part.topic)
        self._meter.count("archive_records", draft.records, topic=file.part.topic)
        self._meter.count("archive_unreadable", draft.unreadable, topic=file.part.topic)

    def _closes_ms(self, at_ms: int) -> int:
        return closes_ms(at_ms, self._slot_ms, self._grace_ms)
