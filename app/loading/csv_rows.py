"""CSV with a header, separated by commas, semicolons or tabs.

Promises that a broken line costs that line only: where a quote is opened and never closed, the line it stands in is
bad, and the lines that it would have swallowed are read again.
"""

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from app.errors import StartError
from app.loading.rows import BadRow, Row, Text
from app.terminal import counted

DELIMITERS = ",;\t"
MOST_HEADER_LINES = 20
"""A name may have line ends in it."""


class CsvRows:
    """Raises StartError for a file without a header, or with one that names a column twice."""

    def __init__(self, path: Path) -> None:
        self._text = Text(path)
        self.delimiter, self.columns = _header(path, self._text.lines())

    def read(self, after: int) -> Iterator[Row | BadRow]:
        lines = Lines(self._text.lines())
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        number = -1  # the header is no row
        while True:
            first = lines.begin()
            cells, reason = self._next(reader, lines)
            if cells is None:
                return
            if not cells:
                continue
            number += 1
            if number <= max(after, 0):
                continue
            yield (
                BadRow(number, first, reason, cells)
                if reason
                else Row(number, first, dict(zip(self.columns, cells, strict=True)))
            )

    def _next(self, reader: "Iterator[list[str]]", lines: "Lines") -> tuple[list[str] | None, str]:
        """The cells of the next record and what is wrong with it; None at the end, no cells for an empty line."""
        try:
            cells = next(reader)
        except StopIteration:
            return None, ""
        except csv.Error as cause:
            return [lines.only_the_first().rstrip("\r\n")], f"not CSV: {cause}"
        if cells and len(cells) != len(self.columns):
            reason = f"{counted(len(cells), 'cell')}, and the header has {len(self.columns):,}"
            return (cells if lines.one else [lines.only_the_first().rstrip("\r\n")]), reason
        return cells, ""

    def fraction(self) -> float:
        return self._text.fraction()


class Lines:
    """Lines for the CSV reader, which takes as many as a record needs; all but the first can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._given_back: deque[str] = deque()
        self._taken: list[str] = []
        self._number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._lines)
        self._number += 1
        self._taken.append(line)
        return line

    def begin(self) -> int:
        """A record begins; the number of its first line."""
        self._taken.clear()
        return self._number + 1

    @property
    def one(self) -> bool:
        """Whether the record is one line."""
        return len(self._taken) == 1

    def only_the_first(self) -> str:
        """Gives back the other lines of the record."""
        first, *others = self._taken or [""]
        self._given_back.extendleft(reversed(others))
        self._number -= len(others)
        return first


def _header(path: Path, lines: Iterator[str]) -> tuple[str, list[str]]:
    """The delimiter that cuts the first record into most columns, and the columns."""
    head = list(islice(lines, MOST_HEADER_LINES))
    found = {each: next(csv.reader(head, delimiter=each), []) for each in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda each: len(found[each]))
    columns = [each.strip() for each in found[delimiter]]
    if not any(columns):
        raise StartError(f"{path} has no header", hint="its first line must name the columns")
    twice = sorted({each for each in columns if columns.count(each) > 1})
    if twice:
        raise StartError(f"{path} names the column `{twice[0]}` twice", hint="give one of them another name")
    return delimiter, columns
