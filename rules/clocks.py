"""Times of the day and calendar periods by the clocks of a time zone. Pure."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.base import at_ms, moment
from schemas.contact import DAYS, QuietHours
from schemas.triggers import CalendarPeriod


@lru_cache(maxsize=1_000)
def known_zone(name: str) -> ZoneInfo | None:
    """The time zone of this name; None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def period_start_ms(period: CalendarPeriod, now_ms: int, zone: ZoneInfo) -> int:
    """When the day, week (from Monday), month or year began that now lies in."""
    return _start_ms(period, now_ms // 1_000, zone)


@lru_cache(maxsize=10_000)
def _start_ms(period: CalendarPeriod, now_s: int, zone: ZoneInfo) -> int:
    """Decisions of one second share it: clocks are put forward and back by whole seconds."""
    day = moment(now_s * 1_000).astimezone(zone).date()
    match period:
        case "week":
            day -= timedelta(days=day.weekday())
        case "month":
            day = day.replace(day=1)
        case "year":
            day = day.replace(month=1, day=1)
    return at_ms(datetime.combine(day, time.min, zone))


def is_quiet(hours: QuietHours, now_ms: int, zone: ZoneInfo) -> bool:
    """Whether now lies within; `until` itself does not. It belongs to the day on which it began."""
    clock, today = _clock(now_ms // 1_000, zone)
    if hours.start < hours.until:
        return hours.start <= clock < hours.until and DAYS[today] in hours.days
    if clock >= hours.start:
        return DAYS[today] in hours.days
    return clock < hours.until and DAYS[today - 1] in hours.days


@lru_cache(maxsize=10_000)
def _clock(now_s: int, zone: ZoneInfo) -> tuple[str, int]:
    """`21:30` and the day of the week, from 0 for Monday. Decisions of one second share it."""
    local = moment(now_s * 1_000).astimezone(zone)
    return f"{local:%H:%M}", local.weekday()
