"""The file of bad rows: all of them, each with its line and what is wrong with it.

Of a CSV it is one with the same columns behind `line` and `reason`, so that it can be mended and loaded; of other
formats it is JSON Lines. Nothing is written before there is a bad row.
"""

import csv
import os
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import orjson

from app.errors import StartError
from app.loading.rows import BadRow

CSV = ".csv"


def usual_path(path: Path) -> Path:
    """`customers.csv.gz` as `customers.bad.csv`, beside it."""
    inner = path.with_suffix("") if path.suffix == ".gz" else path
    suffix = CSV if inner.suffix in (CSV, ".tsv", ".txt") else ".jsonl"
    return inner.with_suffix(f".bad{suffix}")


class BadRows:
    """`kept_bytes`: how much of the file belongs to the rows before; anything behind it will be written again."""

    def __init__(self, path: Path, columns: Sequence[str], kept_bytes: int) -> None:
        self.path = path
        self._columns = columns
        self._as_csv = path.suffix == CSV
        self._bytes = min(kept_bytes, path.stat().st_size) if path.exists() else 0
        self._opened = bool(self._bytes)

    def write(self, rows: Iterable[BadRow]) -> int:
        """Adds rows, and returns when they are on disk: how large the file is then. Raises StartError."""
        text = b"".join(self._line(each) for each in rows)
        if not text:
            return self._bytes
        if not self._opened and self._as_csv:
            text = _csv(["line", "reason", *self._columns]) + text
        try:
            self._append(text)
        except OSError as cause:
            hint = "name another file with --bad"
            raise StartError(f"the bad rows cannot be written to {self.path}: {cause}", hint=hint) from cause
        self._opened = True
        self._bytes += len(text)
        return self._bytes

    def _append(self, text: bytes) -> None:
        with self.path.open("r+b" if self._opened else "wb") as file:
            file.truncate(self._bytes)
            file.seek(self._bytes)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _line(self, row: BadRow) -> bytes:
        if self._as_csv:
            return _csv([row.line, row.reason, *self._cells(row.original)])
        said = {"line": row.line, "reason": row.reason, "row": _printable(row.original)}
        return orjson.dumps(said, default=str) + b"\n"

    def _cells(self, original: Any) -> Iterable[Any]:
        match original:
            case dict():
                return [original.get(column) for column in self._columns]
            case list():
                return original
            case _:
                return [original]


def _csv(cells: Sequence[Any]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _printable(original: Any) -> Any:
    return original.encode("utf-8", "replace").decode() if isinstance(original, str) else original
