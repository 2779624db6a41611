"""One file's text, and the way from a character's index to its line and column.

Promises the lines that an editor shows: `\\n`, `\\r\\n` and `\\r` end a line, nothing else does.
"""

import re
from bisect import bisect_right
from functools import cached_property

from rules.policy.findings import Position

LINE_END = re.compile(r"\r\n|\n|\r")


class Source:
    """A file of the policy folder."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text.removeprefix("\ufeff")  # the parser does not count a byte order mark either

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in LINE_END.finditer(self.text))]

    def position(self, index: int) -> Position:
        line = bisect_right(self._line_starts, index)
        return Position(self.name, line, index - self._line_starts[line - 1] + 1)
