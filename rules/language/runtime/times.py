"""Timestamps and durations: reading, writing, arithmetic and calendar fields, with time zones.

Timestamps reach from year 1 to 9999, durations read from text to ±10,000 years, and what is calculated to
what fits into 64 bits of nanoseconds (some 292 years), as in Google's evaluator.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from rules.language.runtime.values import (
    INT_MAX,
    INT_MIN,
    fail,
    no_overload,
    span_ns,
    span_of,
    time_ns,
    time_of,
)

SPAN_MIN, SPAN_MAX = span_of(INT_MIN), span_of(INT_MAX)
_WRITTEN_MAX_NS = 315_576_000_000 * 10**9
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_SPAN_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|ms|s|m|h)", re.ASCII)
_SPAN = re.compile(rf"([+-]?)((?:{_SPAN_PART.pattern})+)", re.ASCII)
_UNIT_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_OFFSET = re.compile(r"([+-]?)(\d{1,2}):([0-5]\d)", re.ASCII)


def utc(moment: datetime) -> datetime:
    """The same moment in UTC: Python compares two times of one zone by the clock, summer time or not."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def timestamp_of(text: str) -> datetime:
    """RFC 3339."""
    found = _TIMESTAMP.fullmatch(text) if len(text) < 64 else None
    if found is None:
        fail(f"{text[:40]!r} is not a timestamp such as 2026-03-01T12:00:00Z")
    day, hour, minute, second, fraction, sign, off_hours, off_minutes = found.groups()
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    offset = (int(off_hours) * 60 + int(off_minutes)) * 60 if sign else 0
    since = seconds + (offset if sign == "-" else -offset)
    return _on_day(day, since * 10**9 + int((fraction or "").ljust(9, "0")[:9]))


def _on_day(day: str, nanoseconds: int) -> datetime:
    try:
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        return time_of(time_ns(midnight) + nanoseconds)
    except (ValueError, OverflowError):
        return fail(f"there is no such day as {day}, or it is out of range")


def timestamp_of_seconds(seconds: int) -> datetime:
    try:
        return time_of(seconds * 10**9)
    except OverflowError:
        return fail(f"{seconds} seconds after 1970 is out of range")


def duration_of(text: str) -> timedelta:
    """`1h30m`, `-1.5s`: decimal numbers with unit h, m, s, ms, us or ns."""
    found = _SPAN.fullmatch(text) if len(text) < 128 else None
    if found is None and text not in ("0", "+0", "-0"):
        fail(f"{text[:40]!r} is not a duration such as 1h30m or 2.5s")
    total = sum(_nanoseconds(number, unit) for number, unit in _SPAN_PART.findall(text))
    if total > _WRITTEN_MAX_NS:
        fail(f"the duration {text!r} is out of range")
    return span_of(-total if text.startswith("-") else total)


def _nanoseconds(number: str, unit: str) -> int:
    whole, _, fraction = number.partition(".")
    if int(whole or "0") > INT_MAX:
        fail(f"the number {number!r} in the duration is out of range")
    return (int(whole or "0") * 10**18 + int(fraction.ljust(18, "0")[:18])) * _UNIT_NS[unit] // 10**18


def timestamp_text(moment: datetime) -> str:
    seconds, nanos = divmod(time_ns(moment), 10**9)
    whole = time_of(seconds * 10**9)
    date = f"{whole.year:04}-{whole.month:02}-{whole.day:02}"
    return f"{date}T{whole.hour:02}:{whole.minute:02}:{whole.second:02}{_fraction(nanos)}Z"


def duration_text(span: timedelta) -> str:
    """In seconds, with three, six or nine decimals where there are any."""
    total = span_ns(span)
    seconds, nanos = divmod(abs(total), 10**9)
    return f"{'-' if total < 0 else ''}{seconds}{_fraction(nanos)}s"


def _fraction(nanos: int) -> str:
    digits = f"{nanos:09}"
    for kept in (3, 6):
        if not digits[kept:].strip("0"):
            digits = digits[:kept]
    return f".{digits}" if nanos else ""


def time_plus(moment: datetime, span: timedelta) -> datetime:
    try:
        if type(moment) is datetime and type(span) is timedelta:
            return moment + span
        return time_of(time_ns(moment) + span_ns(span))
    except OverflowError:
        return fail("the timestamp is out of range")


def time_minus(moment: datetime, span: timedelta) -> datetime:
    return time_plus(moment, -span if type(span) is timedelta else span_of(-span_ns(span)))


def time_between(later: datetime, earlier: datetime) -> timedelta:
    return short_span(utc(later) - utc(earlier))


def short_span(span: timedelta) -> timedelta:
    """The calculated duration, if it fits into 64 bits of nanoseconds."""
    return span if SPAN_MIN <= span <= SPAN_MAX else fail("the duration is out of range")


def is_time(value: object) -> bool:
    return isinstance(value, datetime)


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """`Europe/Paris`, `-02:30`, or UTC if nothing is said."""
    if found := _OFFSET.fullmatch(name):
        minutes = int(found[2]) * 60 + int(found[3])
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError):  # unknown, or no name at all: a path, a directory of the database
        return fail(f"there is no time zone {name!r}")


def _field(name: str, of_time: Callable[[datetime], int], of_span: Callable[[int], int] | None) -> Any:
    """One calendar field: of a timestamp, in a zone if one is given; some also of a duration."""

    def get(value: Any, *zones: Any) -> int:
        if isinstance(value, datetime) and all(isinstance(given, str) for given in zones):
            return of_time(_local(value, zones[0] if zones else ""))
        if isinstance(value, timedelta) and of_span is not None and not zones:
            return of_span(span_ns(value))
        return no_overload(f"{name}()", value, *zones)

    return get


def _local(moment: datetime, zone_name: str) -> datetime:
    try:
        return moment.astimezone(zone(zone_name))
    except OverflowError:
        return fail("the local time is out of range")


def _towards_zero(nanoseconds: int, unit: int) -> int:
    return nanoseconds // unit if nanoseconds >= 0 else -(-nanoseconds // unit)


def _milliseconds(nanoseconds: int) -> int:
    return _towards_zero(nanoseconds, 10**6) - _towards_zero(nanoseconds, 10**9) * 1000


get_full_year = _field("getFullYear", lambda moment: moment.year, None)
get_month = _field("getMonth", lambda moment: moment.month - 1, None)
get_date = _field("getDate", lambda moment: moment.day, None)
get_day_of_month = _field("getDayOfMonth", lambda moment: moment.day - 1, None)
get_day_of_week = _field("getDayOfWeek", lambda moment: moment.isoweekday() % 7, None)
get_day_of_year = _field("getDayOfYear", lambda moment: moment.timetuple().tm_yday - 1, None)
get_hours = _field("getHours", lambda moment: moment.hour, lambda span: _towards_zero(span, 3600 * 10**9))
get_minutes = _field("getMinutes", lambda moment: moment.minute, lambda span: _towards_zero(span, 60 * 10**9))
get_seconds = _field("getSeconds", lambda moment: moment.second, lambda span: _towards_zero(span, 10**9))
get_milliseconds = _field("getMilliseconds", lambda moment: moment.microsecond // 1000, _milliseconds)


def seconds_of(moment: datetime) -> int:
    """`int(timestamp)`: whole seconds since 1970, downwards."""
    return time_ns(moment) // 10**9
