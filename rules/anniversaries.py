"""When something comes round again, by the clocks of a time zone. Pure."""

from calendar import monthrange
from datetime import MAXYEAR, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.base import at_ms, moment
from schemas.triggers import CalendarPeriod

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def next_after(base_ms: int, every: CalendarPeriod, after_ms: int, zone: ZoneInfo) -> int:
    """The first of base, base + 1 period, base + 2 periods… that is later than `after_ms`.

    The clock shows the same time as at the base. 29 February is the 28th in other years, a month's 31st its last day.
    Raises OverflowError beyond the year 9999.
    """
    base, after = (moment(each).astimezone(zone).replace(tzinfo=None) for each in (base_ms, after_ms))
    number = max(0, _periods_between(base, after, every) - 1)
    while (due_ms := at_ms(_nth(base, every, number).replace(tzinfo=zone))) <= after_ms:
        number += 1
    return due_ms


def _periods_between(base: datetime, after: datetime, every: CalendarPeriod) -> int:
    """Whole periods, or one more."""
    if every in DAYS:
        return (after.date() - base.date()).days // DAYS[every]
    return ((after.year - base.year) * 12 + after.month - base.month) // MONTHS[every]


def _nth(base: datetime, every: CalendarPeriod, number: int) -> datetime:
    if every in DAYS:
        return base + timedelta(days=DAYS[every] * number)
    year, month = divmod(base.year * 12 + base.month - 1 + MONTHS[every] * number, 12)
    if year > MAXYEAR:
        raise OverflowError("a year that no calendar here has")
    return base.replace(year=year, month=month + 1, day=min(base.day, monthrange(year, month + 1)[1]))
