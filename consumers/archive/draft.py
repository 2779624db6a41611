"""A file of the archive that is being written, on the local disk, where nobody takes it for one that is done.

Records are gathered, turned into rows some hundred at a time in a thread, and written by row groups: memory is bounded,
and the event loop is not held up. What is written depends on the records alone.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from consumers.archive.cutting import size_of
from consumers.archive.layout import VERSION, layout
from consumers.archive.names import Held
from consumers.archive.rows import row
from consumers.dead_letters import InKafka
from consumers.kafka.reading import Part

ROWS_AT_ONCE = 500
GROUP_ROWS = 20_000
GROUP_BYTES = 16 << 20


class Draft:
    """`await add(entry)` for each, then `await finish(held)`; `discard()` in any case."""

    def __init__(self, folder: Path, part: Part) -> None:
        self.path = folder / f"{part.topic}-{part.number}-{secrets.token_hex(8)}"
        self.records = 0
        self.unreadable = 0
        self.last_ms = 0
        self._layout = layout(part.topic)
        self._writer = pq.ParquetWriter(self.path, self._layout, compression="zstd", compression_level=3)
        self._entries: list[InKafka] = []
        self._batches: list[Any] = []
        self._bytes = 0

    async def add(self, entry: InKafka) -> None:
        self._entries.append(entry)
        self.records += 1
        self.last_ms = entry.at_ms
        self._bytes += size_of(entry)
        if len(self._entries) >= ROWS_AT_ONCE or self._bytes >= GROUP_BYTES:
            await asyncio.to_thread(self._turn)

    async def finish(self, held: Held) -> None:
        """Complete, on the disk, and to be found again after a power cut."""
        await asyncio.to_thread(self._finish, held)

    def discard(self) -> None:
        """Harmless after the file has been moved away."""
        self._writer.close()
        self.path.unlink(missing_ok=True)

    def _turn(self) -> None:
        if self._entries:
            rows = [row(each) for each in self._entries]
            self.unreadable += sum("unreadable" in each for each in rows)
            self._batches.append(pa.RecordBatch.from_pylist(rows, schema=self._layout))
            self._entries = []
        if self._bytes >= GROUP_BYTES or sum(each.num_rows for each in self._batches) >= GROUP_ROWS:
            self._write()

    def _write(self) -> None:
        table = pa.Table.from_batches(self._batches, schema=self._layout)
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._batches, self._bytes = [], 0

    def _finish(self, held: Held) -> None:
        self._turn()
        if self._batches:
            self._write()
        said = {"schema": VERSION, "first": held.first, "last": held.last, "last_taken_ms": self.last_ms}
        self._writer.add_key_value_metadata({f"opportune.{name}": str(value) for name, value in said.items()})
        self._writer.close()
