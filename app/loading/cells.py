"""From what stands in a cell to what an attribute of a declared type may hold.

Promises to read the usual ways of writing a value, and to leave everything else as it is: the policy refuses it then,
with its own sentence. A time without a zone is one in the policy's time zone, and so is the midnight of a date.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Any

import orjson

WHOLE = re.compile(r"\s*([+-]?\d{1,19})(\.0*)?\s*")
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
BOOLS = {
    **dict.fromkeys(("true", "yes", "y", "t", "1"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0"), False),
}
SEPARATOR = "|"
"""Between the texts of a list in one cell."""


def is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _string(value: Any, _: tzinfo) -> Any:
    if isinstance(value, str):
        return value
    match value:
        case bool():
            return str(value).lower()
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case int() | Decimal():
            return str(value)
        case date() | time():
            return value.isoformat()
        case _:
            return value


def _int(value: Any, _: tzinfo) -> Any:
    if isinstance(value, str):
        written = WHOLE.fullmatch(value)
        return int(written[1]) if written else value
    whole = isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value)
    return int(value) if whole else value


def _double(value: Any, _: tzinfo) -> Any:
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else value
    return float(value) if isinstance(value, Decimal) else value


def _bool(value: Any, _: tzinfo) -> Any:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else str(_int(value, _))
    return BOOLS.get(text, value)


def _timestamp(value: Any, zone: tzinfo) -> Any:
    moment = _moment(value)
    if moment is None:
        return value
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    try:
        return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def _texts(value: Any, _: tzinfo) -> Any:
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [each.strip() for each in value.split(SEPARATOR) if each.strip()]
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


Reader = Callable[[Any, tzinfo], Any]
READERS: Mapping[str, Reader] = {
    "string": _string,
    "int": _int,
    "double": _double,
    "bool": _bool,
    "timestamp": _timestamp,
    "list<string>": _texts,
}
"""By the attribute's type, for a cell that is not empty."""
