"""JSON Lines: one object a line."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson

from app.loading.rows import LONGEST_LINE, BadRow, Row, Text

LOOKED_AT = 1_000
"""Rows whose keys are taken for the columns; one that comes up later is judged with its row."""


class JsonRows:
    def __init__(self, path: Path) -> None:
        self._text = Text(path)
        first = (each.values for each in islice(self.read(0), LOOKED_AT) if isinstance(each, Row))
        self.columns = list(dict.fromkeys(name for values in first for name in values))

    def read(self, after: int) -> Iterator[Row | BadRow]:
        number = 0
        for at, line in enumerate(self._text.lines(), 1):
            if line.isspace():
                continue
            number += 1
            if number > after:
                yield _row(number, at, line)

    def fraction(self) -> float:
        return self._text.fraction()


def _row(number: int, at: int, line: str) -> Row | BadRow:
    text = line.rstrip("\r\n")
    if len(line) >= LONGEST_LINE:
        return BadRow(number, at, f"the line has more than {LONGEST_LINE:,} characters", text[:1_000])
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError as cause:
        return BadRow(number, at, f"not JSON: {cause}", text)
    if isinstance(values, dict):
        return Row(number, at, values)
    return BadRow(number, at, "a line must be one JSON object, such as {" + '"customer": "ada", "age": 41}', text)
