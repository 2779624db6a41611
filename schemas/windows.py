"""Spans of time as policies write them: windows of features and caps, and times of the day."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from schemas.base import DurationMs, Model
from schemas.short import Also
from schemas.triggers import CalendarPeriod

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONGEST_MS: dict[CalendarPeriod, int] = {
    "day": DAY_MS + 3 * HOUR_MS,
    "week": 7 * DAY_MS + 3 * HOUR_MS,
    "month": 31 * DAY_MS + 3 * HOUR_MS,
    "year": 366 * DAY_MS + 3 * HOUR_MS,
}
"""How long a calendar period may be, clocks that are put back included."""


class Window(Model):
    """Rolling in event time, or the calendar period that now lies in (in the policy's time zone)."""

    rolling: DurationMs | None = None
    calendar: CalendarPeriod | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Window":
        if (self.rolling is None) == (self.calendar is None):
            raise ValueError("give either `rolling` (a duration) or `calendar` (day, week, month or year)")
        return self

    @property
    def length_ms(self) -> int:
        """Of a rolling window."""
        return self.rolling or 0

    @property
    def longest_ms(self) -> int:
        """How far back it may reach."""
        return LONGEST_MS[self.calendar] if self.calendar else self.length_ms


def short_window(value: Any) -> Any:
    """`window: 30d` is short for `window: {rolling: 30d}`."""
    return {"rolling": value} if isinstance(value, str | int) else value


SHORT = {"type": "string", "pattern": r"^\d+(ms|s|m|h|d|w)$", "examples": ["30m", "24h", "90d"]}
ShortWindow = Annotated[Window | None, BeforeValidator(short_window), Also(SHORT)]
NeededWindow = Annotated[Window, BeforeValidator(short_window), Also(SHORT)]


ClockTime = Annotated[
    str,
    Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="A time of the day, such as 08:00 or 21:30"),
]
