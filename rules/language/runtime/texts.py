"""Strings and bytes: the string extension, RE2 and base64. Positions count code points."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Any

from rules.language.runtime.containers import LENGTH_MAX
from rules.language.runtime.effort import work
from rules.language.runtime.values import fail, no_overload

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_NO_ASCII_SPACE = dict.fromkeys(map(ord, " \t\n\r\v\f"))
_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_LOWER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_QUOTED = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
_QUOTED |= {"\\": r"\\", '"': r"\""}
_TO_QUOTE = re.compile(r'[\a\b\f\n\r\t\v\\"]')
_PATTERN_BYTES = 256 * 1024
"""What a compiled pattern may take: one that is larger is refused after a millisecond instead of forty."""
_COMPILING = 10_000
"""Units of work for it."""


def _texts(function: str, *values: Any) -> None:
    if not all(isinstance(value, str) for value in values):
        no_overload(function, *values)


def _whole_number(function: str, value: Any) -> None:
    if type(value) is not int:
        no_overload(function, value)


def contains(text: Any, part: Any) -> bool:
    _texts("contains()", text, part)
    return part in text


def starts_with(text: Any, part: Any) -> bool:
    _texts("startsWith()", text, part)
    return bool(text.startswith(part))


def ends_with(text: Any, part: Any) -> bool:
    _texts("endsWith()", text, part)
    return bool(text.endswith(part))


def matches(text: Any, pattern: Any) -> bool:
    """Whether the RE2 pattern is found anywhere in the text."""
    _texts("matches()", text, pattern)
    return found(compiled(pattern), text)


def matches_within(budget: list[int], text: Any, pattern: Any) -> bool:
    """`matches` with a pattern that is not written in the expression: each use counts as compiling it."""
    work(budget, _COMPILING)
    return matches(text, pattern)


def found(pattern: Any, text: str) -> bool:
    # as bytes: the library would otherwise map every position of the match back to code points
    return pattern.search(text.encode("utf-8", "surrogatepass")) is not None


@lru_cache(maxsize=128)
def compiled(pattern: str) -> Any:
    import re2  # type: ignore[import-untyped]  # not at import time

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as refused:
        reason = refused.args[0].decode() if isinstance(refused.args[0], bytes) else refused.args[0]
        return fail(f"{pattern!r} is not a regular expression: {reason}")


def char_at(text: Any, position: Any) -> str:
    _texts("charAt()", text)
    _whole_number("charAt()", position)
    _within("charAt()", position, len(text))
    return str(text[position : position + 1])


def _within(function: str, position: int, length: int) -> None:
    if not 0 <= position <= length:
        fail(f"{function} at {position} of a text of {length}")


def index_of(text: Any, part: Any, start: Any = 0) -> int:
    _texts("indexOf()", text, part)
    _whole_number("indexOf()", start)
    _within("indexOf()", start, len(text))
    return int(text.find(part, start))


def last_index_of(text: Any, part: Any, start: Any = None) -> int:
    _texts("lastIndexOf()", text, part)
    if start is None:
        return int(text.rfind(part))
    _whole_number("lastIndexOf()", start)
    _within("lastIndexOf()", start, len(text))
    return int(text.rfind(part, 0, start + len(part)))


def substring(text: Any, start: Any, end: Any = None) -> str:
    _texts("substring()", text)
    stop = len(text) if end is None else end
    for position in (start, stop):
        _whole_number("substring()", position)
        _within("substring()", position, len(text))
    return str(text[start:stop]) if start <= stop else fail(f"substring() from {start} to {stop}")


def lower_ascii(text: Any) -> str:
    _texts("lowerAscii()", text)
    return str(text.translate(_UPPER))


def upper_ascii(text: Any) -> str:
    _texts("upperAscii()", text)
    return str(text.translate(_LOWER))


def trim(text: Any) -> str:
    """Without Unicode white space at both ends."""
    _texts("trim()", text)
    return str(text.strip(_SPACE))


def reverse(text: Any) -> str:
    _texts("reverse()", text)
    return str(text[::-1])


def replace(text: Any, old: Any, new: Any, times: Any = -1) -> str:
    _texts("replace()", text, old, new)
    _whole_number("replace()", times)
    found = text.count(old) if times < 0 else min(times, text.count(old))
    if len(text) + found * (len(new) - len(old)) > LENGTH_MAX:
        fail(f"replace() would make a text of more than {LENGTH_MAX:,}")
    return str(text.replace(old, new, times))


def split(text: Any, separator: Any, parts_max: Any = -1) -> list[str]:
    """At most so many parts; none for 0, any number if negative."""
    _texts("split()", text, separator)
    _whole_number("split()", parts_max)
    if parts_max == 0:
        return []
    if separator:
        return list(text.split(separator, parts_max - 1 if parts_max > 0 else -1))
    single = len(text) if parts_max < 0 else min(parts_max - 1, len(text))
    rest = [text[single:]] if text[single:] or not text else []
    return [*text[:single], *rest]


def join(texts: Any, separator: Any = "") -> str:
    if not isinstance(texts, list):
        no_overload("join()", texts)
    _texts("join()", separator, *texts)
    if sum(map(len, texts)) + len(separator) * len(texts) > LENGTH_MAX:
        fail(f"join() would make a text of more than {LENGTH_MAX:,}")
    return str(separator.join(texts))


def quote(text: Any) -> str:
    """The text as it would be written in an expression."""
    _texts("strings.quote()", text)
    return '"' + _TO_QUOTE.sub(lambda found: _QUOTED[found[0]], text) + '"'


def base64_encode(data: Any) -> str:
    if isinstance(data, bytes):
        return base64.b64encode(data).decode()
    return no_overload("base64.encode()", data)


def base64_decode(text: Any) -> bytes:
    """Padding may be left out, but not half of it."""
    _texts("base64.decode()", text)
    try:
        bare = text.translate(_NO_ASCII_SPACE)
        missing = -len(bare) % 4
        if missing and "=" in bare:
            fail("that is not base64")
        return base64.b64decode(bare + "=" * missing, validate=True)
    except (binascii.Error, ValueError):
        return fail("that is not base64")
