"""From a character of a scalar's value back to the character in the file that it was written as.

Promises the right place for every visible character of all five scalar styles of YAML, also across folded
lines and escapes; a space that stands for folded line ends points at the first of them. Leaves lines and
columns to `source`.
"""

import re
from typing import Literal

Style = Literal["plain", "single", "double", "literal", "folded"]
ESCAPE_LENGTH = {"x": 4, "u": 6, "U": 10}
LINE_CONTINUED = re.compile(r"\\[ \t]*(\r\n|\n|\r)[ \t]*")
LINE_END = re.compile(r"\r\n|\n|\r|\Z")
BLANK = " \t\r\n\x85\u2028\u2029"  # what indentation and folding may add or change; other spaces stand for themselves


def index_in_text(text: str, start: int, style: Style, value: str, offset: int) -> int:
    """The index in `text` of `value[offset]`; of the scalar's start if the two cannot be brought together."""
    at = last = _content_start(text, start, style)
    for char in value[: offset + 1]:
        last = _next(text, at, style, char)
        length = _length(text, last, style, char)
        if length == 0 and char not in BLANK:
            return start
        at = last + length
    return last if offset < len(value) else at


def _content_start(text: str, start: int, style: Style) -> int:
    if style == "plain":
        return start
    if style in ("single", "double"):
        return start + 1
    header = LINE_END.search(text, start)  # `|`, `>-` or `|2`, perhaps with a comment
    return header.end() if header else start


def _next(text: str, at: int, style: Style, char: str) -> int:
    """Where `char` is written, at or after `at`: past indentation, folded line ends and continued lines."""
    while style == "double" and (continued := LINE_CONTINUED.match(text, at)):
        at = continued.end()
    while char not in BLANK and text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _length(text: str, at: int, style: Style, char: str) -> int:
    """How many characters of the file stand for this one; none for a space that is written as a line end."""
    if style == "double" and text[at : at + 1] == "\\":
        return ESCAPE_LENGTH.get(text[at + 1 : at + 2], 2)
    if style == "single" and char == "'":
        return 2
    return int(text[at : at + 1] == char)
