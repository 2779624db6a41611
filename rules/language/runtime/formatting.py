"""Values as text: `string(x)` and the `format()` of the string extension."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from rules.language.runtime.containers import LENGTH_MAX
from rules.language.runtime.effort import scan, weighed
from rules.language.runtime.times import duration_text, timestamp_text
from rules.language.runtime.values import TYPES, TypeName, UInt, fail, no_overload

_CLAUSE = re.compile(r"%(?:%|(?:\.(\d+))?(.))", re.DOTALL)
_PRECISION_MAX = 1000
_DEPTH_MAX = 32


def double_text(value: float) -> str:
    """The shortest digits that read back the same; with an exponent below 1e-4 and from 1e6."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    digits, _, exponent = f"{value:.17e}".partition("e")
    if value and not -4 <= int(exponent) < 6:
        digits, power = _shortest(value)
        return f"{digits}e{'-' if power < 0 else '+'}{abs(power):02}"
    return repr(value).removesuffix(".0")


def _shortest(value: float) -> tuple[str, int]:
    """Mantissa and power of ten with as few digits as `repr` needs."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    power = int(exponent or 0) + len(whole) - 1 - leading
    digits = digits.rstrip("0")
    text = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
    return ("-" if value < 0 else "") + text, power


def string(value: Any) -> str:
    """CEL's `string(x)`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, datetime):
        return timestamp_text(value)
    return duration_text(value) if isinstance(value, timedelta) else no_overload("string()", value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return fail("these bytes are not UTF-8")


def format_text(template: Any, values: Any) -> str:
    """`"%s costs %.2f".format([name, price])`."""
    if not isinstance(template, str) or not isinstance(values, list):
        no_overload("format()", template, values)
    text = _CLAUSE.sub(_filler(values), template)
    if template.replace("%%", "").endswith("%"):
        fail("the format ends in the middle of a clause")
    return text if len(text) <= LENGTH_MAX else fail(f"format() made more than {LENGTH_MAX:,}")


def format_within(budget: list[int], template: Any, values: Any) -> str:
    """`format_text`, which draws on what is left for the evaluation."""
    return format_text(scan(budget, template), weighed(budget, values))


def _filler(values: list[Any]) -> Callable[[re.Match[str]], str]:
    rest: Iterator[Any] = iter(values)
    budget = [LENGTH_MAX]

    def fill(clause: re.Match[str]) -> str:
        if clause[0] == "%%":
            return "%"
        write = _CLAUSES.get(clause[2]) or fail(f"format() knows no clause %{clause[2]}")
        places = min(int((clause[1] or "6")[:9]), 10**6)
        if places > _PRECISION_MAX:
            fail(f"format() writes at most {_PRECISION_MAX} decimals")
        written = write(_next(rest), places)
        budget[0] -= len(written)
        return written if budget[0] >= 0 else fail(f"format() made more than {LENGTH_MAX:,}")

    return fill


def _next(rest: Iterator[Any]) -> Any:
    for value in rest:
        return value
    return fail("format() has fewer values than clauses")


def _plain(value: Any, places: int = 6, depth: int = 0) -> str:
    """The `%s` of a value; lists and maps with their members, maps in the order of their keys."""
    if depth > _DEPTH_MAX:
        fail("format() met a value that is too deep")
    if isinstance(value, list):
        return _bounded("[", [_plain(item, places, depth + 1) for item in value], "]")
    if isinstance(value, dict):
        entries = sorted((_plain(key), _plain(item, places, depth + 1)) for key, item in value.items())
        return _bounded("{", [f"{key}: {item}" for key, item in entries], "}")
    if isinstance(value, float):
        return _special(value) or f"{value:g}"
    return _scalar(value)


def _bounded(opening: str, parts: list[str], closing: str) -> str:
    if sum(map(len, parts)) > LENGTH_MAX:
        fail(f"format() made more than {LENGTH_MAX:,}")
    return opening + ", ".join(parts) + closing


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, TypeName):
        return value.name
    if isinstance(value, datetime):
        text = timestamp_text(value).removesuffix("Z")
        return (text.rstrip("0") if "." in text else text) + "Z"
    return string(value)


def _special(value: Any) -> str | None:
    """Infinities and NaN, also where they come as text."""
    if isinstance(value, str):
        return value if value in ("NaN", "Infinity", "-Infinity") else None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return None


def _number(value: Any, clause: str) -> Any:
    kind = type(value)
    if kind in (int, UInt, float):
        return value
    return fail(f"format() with %{clause} of {TYPES.get(kind, kind)}")


def _decimal(value: Any, _places: int = 0) -> str:
    return _fixed(value, 6) if type(value) is float else str(int(_number(value, "d")))


def _fixed(value: Any, places: int) -> str:
    return _special(value) or f"{float(_number(value, 'f')):.{places}f}"


def _scientific(value: Any, places: int) -> str:
    return _special(value) or f"{float(_number(value, 'e')):.{places}e}"


def _binary(value: Any, _places: int = 0) -> str:
    return _based(int(value) if isinstance(value, bool) else value, "b")


def _octal(value: Any, _places: int = 0) -> str:
    return _based(value, "o")


def _hex(value: Any, _places: int = 0) -> str:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").hex()
    return value.hex() if isinstance(value, bytes) else _based(value, "x")


def _hex_upper(value: Any, _places: int) -> str:
    return _hex(value).upper()


def _based(value: Any, base: str) -> str:
    if type(value) in (int, UInt):
        return f"{int(value):{base}}"
    return fail(f"format() with %{base} of {TYPES.get(type(value), type(value))}")


_CLAUSES: dict[str, Callable[[Any, int], str]] = {
    "s": _plain,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hex,
    "X": _hex_upper,
}
