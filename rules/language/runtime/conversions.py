"""Functions whose meaning depends on the types they meet: conversions and the operators on `dyn`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rules.language.runtime import numbers, times
from rules.language.runtime.containers import concatenated
from rules.language.runtime.values import EPOCH, NONE, Optional, TypeName, UInt, fail, no_overload

_WORDS = dict.fromkeys(("1", "t", "true", "TRUE", "True"), True)
_WORDS |= dict.fromkeys(("0", "f", "false", "FALSE", "False"), False)
_NUMBERS = (int, UInt, float)


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        no_overload("bool()", value)
    return _WORDS[value] if value in _WORDS else fail(f"{value[:40]!r} is neither true nor false")


def to_int(value: Any) -> int:
    if isinstance(value, str):
        return numbers.int_of(value)
    if isinstance(value, float):
        return numbers.int_of_double(value)
    if isinstance(value, datetime):
        return times.seconds_of(value)
    return numbers.to_int64(int(value)) if type(value) in (*_NUMBERS, bool) else no_overload("int()", value)


def to_uint(value: Any) -> UInt:
    if isinstance(value, str):
        return numbers.uint_of(value)
    if isinstance(value, float):
        return numbers.uint_of_double(value)
    return numbers.to_uint64(value) if type(value) in _NUMBERS else no_overload("uint()", value)


def to_double(value: Any) -> float:
    if isinstance(value, str):
        return numbers.double_of(value)
    return float(value) if type(value) in _NUMBERS else no_overload("double()", value)


def to_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return value if isinstance(value, bytes) else no_overload("bytes()", value)


def to_timestamp(value: Any) -> datetime:
    if isinstance(value, str):
        return times.timestamp_of(value)
    if type(value) is int:
        return times.timestamp_of_seconds(value)
    return value if isinstance(value, datetime) else no_overload("timestamp()", value)


def to_duration(value: Any) -> timedelta:
    if isinstance(value, str):
        return times.duration_of(value)
    return value if isinstance(value, timedelta) else no_overload("duration()", value)


def identity(value: Any) -> Any:
    return value


def truth(value: Any) -> bool:
    """The operand of a logical operator, which must be true or false."""
    return value if isinstance(value, bool) else no_overload("a logical operator", value)


def negation(value: Any) -> bool:
    return not truth(value)


def add(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right):
        if kind in (int, UInt):
            return _fitted(left + right, kind)
        if kind is float:
            return left + right
        if kind in (str, bytes, list):
            return concatenated(left, right)
    return _add_times(left, right)


def _fitted(result: int, kind: type) -> int:
    return numbers.to_uint64(result) if kind is UInt else numbers.to_int64(result)


def _add_times(left: Any, right: Any) -> Any:
    if isinstance(right, timedelta):
        if isinstance(left, datetime):
            return times.time_plus(times.utc(left), right)
        if isinstance(left, timedelta):
            return times.short_span(left + right)
    if isinstance(left, timedelta) and isinstance(right, datetime):
        return times.time_plus(times.utc(right), left)
    return no_overload("`+`", left, right)


def subtract(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right) and kind in _NUMBERS:
        return left - right if kind is float else _fitted(left - right, kind)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return times.time_between(left, right)
    if isinstance(right, timedelta):
        if isinstance(left, datetime):
            return times.time_minus(times.utc(left), right)
        if isinstance(left, timedelta):
            return times.short_span(left - right)
    return no_overload("`-`", left, right)


def multiply(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is not type(right) or kind not in _NUMBERS:
        no_overload("`*`", left, right)
    return left * right if kind is float else _fitted(left * right, kind)


def divide(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is not type(right) or kind not in _NUMBERS:
        no_overload("`/`", left, right)
    return numbers.divide_double(left, right) if kind is float else numbers.divide_int(left, right)


def modulo(left: Any, right: Any) -> Any:
    if type(left) is not type(right) or type(left) not in (int, UInt):
        no_overload("`%`", left, right)
    return numbers.modulo_int(left, right)


def optional_of_non_zero(value: Any) -> Optional:
    """Absent for null and for the zero or empty value of any type."""
    truthy = isinstance(value, (TypeName, Optional)) or (value != EPOCH if isinstance(value, datetime) else value)
    return Optional.of(value) if truthy else NONE


def _optional(value: Any, function: str) -> Optional:
    return value if isinstance(value, Optional) else no_overload(function, value)


def optional_has_value(value: Any) -> bool:
    return _optional(value, "hasValue()").present


def optional_value(value: Any) -> Any:
    return _optional(value, "value()").value


def optional_none() -> Optional:
    return NONE
