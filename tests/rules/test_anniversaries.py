"""What comes round again: leap days, short months, clocks that change."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.anniversaries import next_after
from schemas.base import at_ms, moment
from schemas.triggers import CalendarPeriod

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return at_ms(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize(
    ("base", "every", "after", "expected"),
    [
        ("1990-05-12T00:00", "year", "2026-03-10T12:00", "2026-05-12T00:00"),
        ("1990-05-12T00:00", "year", "2026-05-12T00:00", "2027-05-12T00:00"),
        ("1990-05-12T00:00", "year", "2026-05-11T23:59", "2026-05-12T00:00"),
        ("1992-02-29T00:00", "year", "2026-01-01T00:00", "2026-02-28T00:00"),
        ("1992-02-29T00:00", "year", "2026-02-28T00:00", "2027-02-28T00:00"),
        ("1992-02-29T00:00", "year", "2027-12-31T00:00", "2028-02-29T00:00"),
        ("2026-01-31T09:00", "month", "2026-01-31T09:00", "2026-02-28T09:00"),
        ("2026-01-31T09:00", "month", "2026-03-01T00:00", "2026-03-31T09:00"),
        ("2026-01-31T09:00", "month", "2026-12-31T10:00", "2027-01-31T09:00"),
        ("2026-03-27T09:00", "day", "2026-03-28T09:00", "2026-03-29T09:00"),  # the clocks go forward that night
        ("2026-03-02T09:00", "week", "2026-04-01T00:00", "2026-04-06T09:00"),
        ("2030-01-01T00:00", "year", "2026-03-10T12:00", "2030-01-01T00:00"),  # not before the base itself
    ],
)
def test_the_next_one_shows_the_same_time_on_the_clock(
    base: str, every: CalendarPeriod, after: str, expected: str
) -> None:
    found = next_after(ms(base), every, ms(after), BERLIN)
    assert moment(found).astimezone(BERLIN).replace(tzinfo=None).isoformat(timespec="minutes") == expected


TIMES = st.integers(ms("1930-01-01T00:00"), ms("2090-01-01T00:00"))
EVERY: st.SearchStrategy[CalendarPeriod] = st.sampled_from(("day", "week", "month", "year"))


@given(TIMES, EVERY, TIMES)
def test_it_is_later_and_none_is_passed_over(base: int, every: CalendarPeriod, after: int) -> None:
    due = next_after(base, every, after, BERLIN)
    assert due > after
    assert due >= base
    assert next_after(base, every, due - 1, BERLIN) == due
    if due > base:
        gap = {"day": 25, "week": 169, "month": 31 * 24 + 1, "year": 366 * 24 + 1}[every] * 3_600_000
        assert due - max(after, base) <= gap


def test_there_is_none_beyond_the_calendar() -> None:
    with pytest.raises(OverflowError):
        next_after(ms("9998-05-05T00:00"), "year", ms("9999-06-01T00:00"), BERLIN)
