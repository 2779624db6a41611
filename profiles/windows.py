"""Rolling windows in event time, in bounded space.

A window is cut into buckets of a round width, the largest that still gives at least 24 of them. A value stays
in its bucket until the bucket's last moment is older than the window, so that an aggregate covers the whole
window and at most one bucket more. An event that arrives late lands in the bucket of its own time; one that
is older than the window lands nowhere.

State: `{"<bucket number>": <partial aggregate>}`, bucket number = milliseconds since the epoch // width.
"""

from collections.abc import Iterator, Mapping
from typing import Any

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000
ROUND_WIDTHS_MS = (
    *(S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S),
    *(M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M),
    *(H, 2 * H, 3 * H, 6 * H, 12 * H),
    *(D, 2 * D, 7 * D, 14 * D, 28 * D),
)
LEAST_BUCKETS = 24


def bucket_width_ms(window_ms: int) -> int:
    """The resolution of a window: 1 h for a day, 1 d for 30 days."""
    fitting = [width for width in ROUND_WIDTHS_MS if width * LEAST_BUCKETS <= window_ms]
    return fitting[-1] if fitting else max(1, window_ms // LEAST_BUCKETS)


def oldest_bucket(now_ms: int, window_ms: int, width_ms: int) -> int:
    return (now_ms - window_ms) // width_ms


def live(state: Mapping[str, Any], now_ms: int, window_ms: int, width_ms: int) -> Iterator[Any]:
    """The partial aggregates within the window that ends now, in no particular order."""
    oldest = oldest_bucket(now_ms, window_ms, width_ms)
    return (partial for bucket, partial in state.items() if int(bucket) >= oldest)


def pruned(state: Mapping[str, Any], newest_ms: int, window_ms: int, width_ms: int) -> dict[str, Any]:
    """Without what no reader can see any more: nobody asks for a time before the newest event."""
    oldest = oldest_bucket(newest_ms, window_ms, width_ms)
    return {bucket: partial for bucket, partial in state.items() if int(bucket) >= oldest}
