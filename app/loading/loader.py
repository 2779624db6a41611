"""The loop of a load: read a batch, judge it, write the bad rows down, send the good ones, keep the progress."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol, TypeVar

from app.loading.bad_rows import BadRows
from app.loading.judge import Judge
from app.loading.quality import Counting
from app.loading.rows import BadRow, Rows
from app.loading.sending import Sink
from profiles.store import Record
from schemas.load import Load

T = TypeVar("T")
BATCH = 1_000


class Watcher(Protocol):
    """Whoever shows how it goes."""

    def bad(self, row: BadRow) -> None: ...

    def progress(self, load: Load, fraction: float) -> None: ...


class Loader:
    """`bad_rows`: None keeps them nowhere."""

    def __init__(
        self, rows: Rows, judge: Judge, quality: Counting, sink: Sink, bad_rows: BadRows | None, watcher: Watcher
    ) -> None:
        self._rows = rows
        self._judge = judge
        self._quality = quality
        self._sink = sink
        self._bad_rows = bad_rows
        self._watcher = watcher

    async def run(self, load: Load) -> Load:
        """The finished load. Raises StartError and StoreUnavailable; what was sent by then is kept."""
        for batch in batches(self._rows.read(load.rows), BATCH):
            judged = [self._judge.judge(row) for row in batch]
            load = await self._sent(load, judged)
            self._watcher.progress(load, self._rows.fraction())
        finished = load.model_copy(update={"state": "finished", "updated": _now(), "quality": self._quality.counted()})
        await self._sink.take((), finished)
        return finished

    async def _sent(self, load: Load, judged: list[Record | BadRow]) -> Load:
        bad = [each for each in judged if isinstance(each, BadRow)]
        good = [each for each in judged if isinstance(each, Record)]
        for each in bad:
            self._watcher.bad(each)
        bad_bytes = self._bad_rows.write(bad) if self._bad_rows and bad else load.bad_bytes
        further = load.model_copy(
            update={
                "updated": _now(),
                "rows": load.rows + len(judged),
                "accepted": load.accepted + len(good),
                "bad": load.bad + len(bad),
                "bad_bytes": bad_bytes,
                "quality": self._quality.counted(),
            }
        )
        await self._sink.take(good, further)
        return further


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    found = iter(items)
    while batch := list(islice(found, size)):
        yield batch


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
