"""A file as rows, whatever its format.

Promises rows in the order of the file, numbered from 1, so that a load can go on after any of them; memory for a
few of them only. Leaves what a row means to `mapping` and `judge`.
"""

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from app.errors import StartError

LONGEST_LINE = 1_000_000
"""Characters; a longer line is cut, and so is a bad row."""


class Row(NamedTuple):
    number: int
    line: int
    """Where it begins in the file; the number of the row where the format has no lines."""
    values: dict[str, Any]


class BadRow(NamedTuple):
    number: int
    line: int
    reason: str
    original: Any
    """The cells, the text or the object, as far as it could be read."""


class Rows(Protocol):
    @property
    def columns(self) -> Sequence[str]:
        """What rows have. Only a format with a header promises that there is no other."""

    def read(self, after: int) -> Iterator[Row | BadRow]:
        """The rows after so many. Raises StartError where the file is damaged."""

    def fraction(self) -> float:
        """How much of the file is read, from 0 to 1."""


class Text:
    """The lines of a text file that may be compressed. Bytes that are no UTF-8 are kept as surrogates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._raw: BinaryIO | None = None

    def lines(self) -> Iterator[str]:
        """With their line ends. Raises StartError where the file is damaged."""
        with self._path.open("rb") as raw, readable(self._path):
            self._raw = raw
            plain: Any = gzip.GzipFile(fileobj=raw) if self._path.suffix == ".gz" else raw
            with io.TextIOWrapper(plain, "utf-8-sig", "surrogateescape", newline="") as text:
                while line := text.readline(LONGEST_LINE):
                    yield line
                    while len(line) == LONGEST_LINE and not line.endswith("\n"):
                        line = text.readline(LONGEST_LINE)

    def fraction(self) -> float:
        return 0.0 if self._raw is None or self._raw.closed else min(1.0, self._raw.tell() / self._size)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises StartError where the file cannot be read to its end."""
    try:
        yield
    except (EOFError, zlib.error, OSError) as cause:
        hint = "rows before the damage are loaded; with a sound file start again"
        raise StartError(f"{path} cannot be read: {cause}", hint=hint) from cause
