"""When quiet hours and the windows of caps end, by the clocks that they are kept by."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from rules.counting import since_ms
from schemas.base import at_ms, moment
from schemas.contact import Cap, QuietHours


def window_ends(cap: Cap, counted_ms: int, zone: ZoneInfo) -> int:
    """From when the cap no longer looks back as far as that which it counts."""
    too_early, late_enough = counted_ms, counted_ms + cap.within
    while late_enough - too_early > 1:
        middle = (too_early + late_enough) // 2
        if since_ms(cap, middle, zone) > counted_ms:
            late_enough = middle
        else:
            too_early = middle
    return late_enough


def quiet_ends(hours: QuietHours, now_ms: int, zone: ZoneInfo) -> Iterator[int]:
    """The next times at which they may end. Where clocks are put forward over that time, up to an hour late."""
    today, until = moment(now_ms).astimezone(zone).date(), time.fromisoformat(hours.until)
    for days in range(3):
        yield at_ms(datetime.combine(today + timedelta(days=days), until, zone))
