"""Points in time and spans as people say them, in the policy's time zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.base import UNIT_MS, moment


def minute(ms: float, zone: ZoneInfo) -> str:
    """2026-12-03 09:30 CET"""
    return f"{moment(int(ms)).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def spoken(ms: float, now_ms: int, zone: ZoneInfo) -> str:
    """From when something may happen again, so that it is true when it is said: a day; today, the next minute."""
    then, now = (moment(int(each)).astimezone(zone) for each in (ms, now_ms))
    if then.date() != now.date():
        return _day(then)
    whole = then + timedelta(minutes=1) if then.second or then.microsecond else then
    return f"{whole:%H:%M} today" if whole.date() == now.date() else _day(whole)


def day(ms: float, zone: ZoneInfo) -> str:
    """3 December 2026"""
    return _day(moment(int(ms)).astimezone(zone))


def _day(there: datetime) -> str:
    return f"{there.day} {there:%B %Y}"


def span(ms: int) -> str:
    """As it would be authored: 30m, 7d."""
    unit = next((name for name in ("d", "h", "m", "s") if ms % UNIT_MS[name] == 0), "ms")
    return f"{ms // UNIT_MS[unit]}{unit}"
