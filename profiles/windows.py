"""Windows in event time, in bounded space: rolling, or a calendar period in the policy's time zone.

A window sorts events into numbered buckets. A rolling one is cut into buckets of a round width, the largest that
still gives at least 24 of them (at most 84): a value stays until its bucket's last moment is older than the window,
so that an aggregate covers the whole window and at most one bucket more. A calendar window has one bucket for each
period and reads the one that `now` lies in; the period before is kept too, for events that arrive late.

State, newest first: `[bucket, partial, buckets back to the one before, partial, …]`. An event that arrives late lands
in the bucket of its own time; one that is older than the window lands nowhere.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from itertools import accumulate
from operator import itemgetter, sub
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from schemas.base import at_ms, moment

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000
ROUND_WIDTHS_MS = (
    *(S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S),
    *(M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M),
    *(H, 2 * H, 3 * H, 6 * H, 12 * H),
    *(D, 2 * D, 7 * D, 14 * D, 28 * D),
)
LEAST_BUCKETS = 24
Period = Literal["day", "week", "month", "year"]
Packed = list[Any]
"""What `packed` makes: the newest number or time, its value, the gap to the one before, its value, and so on."""


class Window(Protocol):
    def bucket(self, at_ms: int) -> int:
        """The number of the bucket that a time lies in; grows with time."""

    def oldest(self, newest_ms: int) -> int:
        """The oldest bucket that may still be read once an event of this time is known."""

    def read(self, now_ms: int) -> tuple[int, int | None]:
        """The first bucket of the window that ends now, and the last; None: whatever is newest."""

    def covers(self, event_ms: int, now_ms: int) -> bool:
        """Whether an event lies in the window that ends now, to the millisecond."""

    def span_ms(self, now_ms: int) -> int:
        """How much time the buckets that are read cover, up to now."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last `length_ms`. Reads everything from there on: nobody asks before the newest event."""

    length_ms: int
    width_ms: int

    def bucket(self, at_ms: int) -> int:
        return at_ms // self.width_ms

    def oldest(self, newest_ms: int) -> int:
        return (newest_ms - self.length_ms) // self.width_ms

    def read(self, now_ms: int) -> tuple[int, int | None]:
        return self.oldest(now_ms), None

    def covers(self, event_ms: int, now_ms: int) -> bool:
        return event_ms >= now_ms - self.length_ms

    def span_ms(self, now_ms: int) -> int:
        return now_ms - self.oldest(now_ms) * self.width_ms


@dataclass(frozen=True, slots=True)
class Calendar:
    """The day, week (from Monday), month or year that now lies in, by the clocks of a time zone."""

    period: Period
    zone: ZoneInfo

    def bucket(self, at_ms: int) -> int:
        local = moment(at_ms).astimezone(self.zone)
        match self.period:
            case "day":
                return local.toordinal()
            case "week":
                return (local.toordinal() - 1) // 7  # 0001-01-01 was a Monday
            case "month":
                return local.year * 12 + local.month - 1
            case "year":
                return local.year

    def oldest(self, newest_ms: int) -> int:
        return self.bucket(newest_ms) - 1

    def read(self, now_ms: int) -> tuple[int, int | None]:
        current = self.bucket(now_ms)
        return current, current

    def covers(self, event_ms: int, now_ms: int) -> bool:
        return self.bucket(event_ms) == self.bucket(now_ms)

    def span_ms(self, now_ms: int) -> int:
        return now_ms - at_ms(self._start(self.bucket(now_ms)))

    def _start(self, bucket: int) -> datetime:
        match self.period:
            case "day":
                first = datetime.fromordinal(bucket)
            case "week":
                first = datetime.fromordinal(bucket * 7 + 1)
            case "month":
                first = datetime(bucket // 12, bucket % 12 + 1, 1)  # noqa: DTZ001 (the zone follows)
            case "year":
                first = datetime(bucket, 1, 1)  # noqa: DTZ001
        return datetime.combine(first, time.min, self.zone)


def rolling(length_ms: int) -> Rolling:
    return Rolling(length_ms, bucket_width_ms(length_ms))


def bucket_width_ms(window_ms: int) -> int:
    """The resolution of a rolling window: 1 h for a day, 1 d for 30 days."""
    fitting = bisect_right(ROUND_WIDTHS_MS, window_ms // LEAST_BUCKETS)
    return ROUND_WIDTHS_MS[fitting - 1] if fitting else max(1, window_ms // LEAST_BUCKETS)


def put(buckets: Packed, bucket: int, oldest: int, add: Callable[..., Any], *event: Any) -> Packed:
    """A copy with `add(partial or None, *event)` in one bucket, without what is older than `oldest`."""
    if buckets:
        newer = bucket - buckets[0]
        if newer > 0:  # as most are
            kept = since(buckets, oldest)
            return [bucket, add(None, *event), newer, *kept[1:]] if kept else [bucket, add(None, *event)]
    numbered = {number: partial for number, partial in unpacked(buckets) if number >= oldest}
    if bucket >= oldest:
        numbered[bucket] = add(numbered.get(bucket), *event)
    return packed(sorted(numbered.items(), key=itemgetter(0), reverse=True))


def unpacked(flat: Packed) -> Iterator[tuple[int, Any]]:
    """(number or time, value) of a packed list."""
    return zip(accumulate(flat[::2], sub), flat[1::2], strict=True)


def last_of(flat: Packed) -> int:
    """The oldest number or time of a packed list that is not empty."""
    oldest: int = flat[0] - sum(flat[2::2])
    return oldest


def since(flat: Packed, oldest: int) -> Packed:
    """A packed list that is not empty, without what is older than `oldest`."""
    last, end = last_of(flat), len(flat)
    while last < oldest and end > 2:
        end -= 2
        last += flat[end]
    if last < oldest:
        return []
    return flat if end == len(flat) else flat[:end]


def packed(newest_first: Iterable[tuple[int, Any]]) -> Packed:
    """`[number, value, gap, value, …]`: short in JSON, as most gaps are small."""
    flat: Packed = []
    before = 0
    for number, partial in newest_first:
        flat += (before - number if flat else number, partial)
        before = number
    return flat


def partials(buckets: Packed, first: int, last: int | None) -> list[Any]:
    """The partial aggregates of the buckets from `first` to `last`; there is at least one bucket."""
    if last is None:
        return since(buckets, first)[1::2]
    return [each for number, each in unpacked(buckets) if first <= number <= last]
