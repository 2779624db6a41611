"""Points in time and spans as people say them, in the policy's time zone."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from schemas.base import UNIT_MS, moment

DAY_MS = UNIT_MS["d"]


def minute(ms: float, zone: ZoneInfo) -> str:
    """2026-12-03 09:30 CET"""
    return f"{moment(int(ms)).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def spoken(ms: float, now_ms: int, zone: ZoneInfo) -> str:
    """From when something may happen again, so that it is true when it is said: a day; today, the next minute."""
    then, now = (moment(int(each)).astimezone(zone) for each in (ms, now_ms))
    if then.date() == now.date():
        rounded = then + timedelta(minutes=1) if then.second or then.microsecond else then
        return f"{rounded:%H:%M} today"
    return f"{then.day} {then:%B %Y}"


def span(ms: int) -> str:
    """As it would be authored: 30m, 7d."""
    unit = next((name for name in ("d", "h", "m", "s") if ms % UNIT_MS[name] == 0), "ms")
    return f"{ms // UNIT_MS[unit]}{unit}"
