"""CEL values in Python: which class stands for which type, and the few that Python lacks.

bool, int, float, str, bytes, None, list, dict    as they are
uint                                              UInt, an int
timestamp, duration                               aware datetime, timedelta; NanoTime and NanoSpan only
                                                  where there is a part below the microsecond
optional_type, type                               Optional, TypeName
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Self

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
UINT_MAX = 2**64 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Failure(Exception):  # noqa: N818 – CEL's evaluation error, on its way to becoming a value
    """CEL's evaluation error; its text is the sentence that the caller gets."""


def fail(message: str) -> NoReturn:
    raise Failure(message)


class UInt(int):
    """An unsigned 64-bit number. Equal to the int of the same value, as CEL has it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as a value: what `type(x)` gives and what `int` or `string` name."""

    name: str

    def __str__(self) -> str:
        return self.name


class Optional:
    """A value that may be absent; `NONE` is the absent one."""

    __slots__ = ("_present", "_value")

    def __init__(self, values: Iterable[object] = ()) -> None:
        self._present = False
        self._value: object = None
        for value in values:
            self._present, self._value = True, value

    @classmethod
    def of(cls, value: object) -> Self:
        return cls((value,))

    @property
    def present(self) -> bool:
        return self._present

    @property
    def value(self) -> object:
        return self._value if self._present else fail("an optional value that is not there was asked for")

    def __repr__(self) -> str:
        return f"optional.of({self._value!r})" if self._present else "optional.none()"


NONE = Optional()


class NanoTime(datetime):
    """A timestamp with nanoseconds, in UTC. Compares and subtracts exactly, also with plain datetimes."""

    nanos: int

    @classmethod
    def at(cls, moment: datetime, nanos: int) -> NanoTime:
        clock = (moment.hour, moment.minute, moment.second, moment.microsecond)
        made = cls(moment.year, moment.month, moment.day, *clock, tzinfo=UTC)
        made.nanos = nanos
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, datetime) and time_ns(self) == time_ns(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return time_ns(self) < time_ns(other)

    def __le__(self, other: Any) -> bool:
        return time_ns(self) <= time_ns(other)

    def __gt__(self, other: Any) -> bool:
        return time_ns(self) > time_ns(other)

    def __ge__(self, other: Any) -> bool:
        return time_ns(self) >= time_ns(other)

    def __sub__(self, other: Any) -> Any:
        return span_of(time_ns(self) - time_ns(other))

    def __rsub__(self, other: Any) -> Any:
        return span_of(time_ns(other) - time_ns(self))

    def __hash__(self) -> int:
        return hash(time_ns(self))


class NanoSpan(timedelta):
    """A duration with nanoseconds. Compares and adds exactly, also with plain timedeltas."""

    nanos: int

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, timedelta) and span_ns(self) == span_ns(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: timedelta) -> bool:
        return span_ns(self) < span_ns(other)

    def __le__(self, other: timedelta) -> bool:
        return span_ns(self) <= span_ns(other)

    def __gt__(self, other: timedelta) -> bool:
        return span_ns(self) > span_ns(other)

    def __ge__(self, other: timedelta) -> bool:
        return span_ns(self) >= span_ns(other)

    def __add__(self, other: timedelta) -> timedelta:
        return span_of(span_ns(self) + span_ns(other))

    __radd__ = __add__

    def __sub__(self, other: timedelta) -> timedelta:
        return span_of(span_ns(self) - span_ns(other))

    def __rsub__(self, other: timedelta) -> timedelta:
        return span_of(span_ns(other) - span_ns(self))

    def __hash__(self) -> int:
        return hash(span_ns(self))


def time_ns(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    nanos = moment.nanos if type(moment) is NanoTime else 0
    return datetime.__sub__(moment, EPOCH) // _MICROSECOND * 1000 + nanos


def time_of(nanoseconds: int) -> datetime:
    """The timestamp so many nanoseconds after 1970; OverflowError outside the years 1 to 9999."""
    micros, nanos = divmod(nanoseconds, 1000)
    moment = EPOCH + timedelta(microseconds=micros)
    return NanoTime.at(moment, nanos) if nanos else moment


def span_ns(span: timedelta) -> int:
    """The duration in nanoseconds."""
    plain = timedelta(span.days, span.seconds, span.microseconds)
    return plain // _MICROSECOND * 1000 + (span.nanos if type(span) is NanoSpan else 0)


def span_of(nanoseconds: int) -> timedelta:
    """The duration of so many nanoseconds."""
    micros, nanos = divmod(nanoseconds, 1000)
    if not nanos:
        return timedelta(microseconds=micros)
    made = NanoSpan(microseconds=micros)
    made.nanos = nanos
    return made


TYPES: dict[type, TypeName] = {
    bool: TypeName("bool"),
    int: TypeName("int"),
    UInt: TypeName("uint"),
    float: TypeName("double"),
    str: TypeName("string"),
    bytes: TypeName("bytes"),
    type(None): TypeName("null_type"),
    list: TypeName("list"),
    dict: TypeName("map"),
    TypeName: TypeName("type"),
    Optional: TypeName("optional_type"),
    datetime: TypeName("google.protobuf.Timestamp"),
    NanoTime: TypeName("google.protobuf.Timestamp"),
    timedelta: TypeName("google.protobuf.Duration"),
    NanoSpan: TypeName("google.protobuf.Duration"),
}
NAMED_TYPES = {type_name.name: type_name for type_name in TYPES.values()}


def type_of(value: object) -> TypeName:
    """CEL's `type()`."""
    return TYPES[type(value)]


def no_overload(function: str, *values: object) -> NoReturn:
    """CEL's "no such overload": the function does not exist for values of these types."""
    types = " and ".join(str(TYPES.get(type(value), type(value).__name__)) for value in values)
    raise Failure(f"{function} cannot be applied to {types}")
