"""Live aggregates over interactions: how each is folded and how it is read.

A partial aggregate is a plain JSON value; `add` folds one more event into it, `merge` joins the partials of
several buckets, `read` turns the result into what conditions see. A feature without any event is not known,
except counts and sums, which are zero.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from profiles import windows

Partial = Any


@dataclass(frozen=True, slots=True)
class Aggregate:
    add: Callable[[Partial, Any, int, int], Partial]
    """(partial or None, value, at_ms, keep) → partial"""
    merge: Callable[[list[Partial], int], Partial]
    read: Callable[[Partial], Any]
    empty: Any = None


def _latest(partials: list[Partial], _keep: int) -> Partial:
    return max(partials, key=lambda pair: (pair[0], str(pair[1])))


def _earliest(partials: list[Partial], _keep: int) -> Partial:
    return min(partials, key=lambda pair: (pair[0], str(pair[1])))


def _recent(partials: Iterable[Partial], keep: int) -> Partial:
    """The latest time of each value, newest first."""
    newest: dict[Any, int] = {}
    for partial in partials:
        for at_ms, value in partial:
            newest[value] = max(at_ms, newest.get(value, at_ms))
    ordered = sorted(newest.items(), key=lambda item: (-item[1], str(item[0])))
    return [[at_ms, value] for value, at_ms in ordered[:keep]]


def _mean(partials: list[Partial], _keep: int) -> Partial:
    return [sum(p[0] for p in partials), sum(p[1] for p in partials)]


def _second(pair: Partial) -> Any:
    return pair[1]


AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate(lambda p, _v, _t, _k: (p or 0) + 1, lambda ps, _k: sum(ps), lambda p: p, empty=0),
    "sum": Aggregate(lambda p, v, _t, _k: (p or 0.0) + v, lambda ps, _k: sum(ps), float, empty=0.0),
    "min": Aggregate(lambda p, v, _t, _k: v if p is None else min(p, v), lambda ps, _k: min(ps), lambda p: p),
    "max": Aggregate(lambda p, v, _t, _k: v if p is None else max(p, v), lambda ps, _k: max(ps), lambda p: p),
    "mean": Aggregate(lambda p, v, _t, _k: [p[0] + v, p[1] + 1] if p else [v, 1], _mean, lambda p: float(p[0] / p[1])),
    "last": Aggregate(lambda p, v, t, k: _latest([p, [t, v]], k) if p else [t, v], _latest, _second),
    "first": Aggregate(lambda p, v, t, k: _earliest([p, [t, v]], k) if p else [t, v], _earliest, _second),
    "recent": Aggregate(
        lambda p, v, t, k: _recent([p or [], [[t, v]]], k), _recent, lambda p: [value for _, value in p]
    ),
}


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """One feature, ready to fold."""

    name: str
    aggregate: Aggregate
    field: str
    """The field of the event; empty for a count."""
    value_type: str
    window_ms: int | None
    width_ms: int
    keep: int

    def add(self, state: Any, value: Any, at_ms: int, newest_ms: int) -> Any:
        """The state with one more event. `newest_ms`: the time of the customer's newest event."""
        if self.window_ms is None:
            return self.aggregate.add(state, value, at_ms, self.keep)
        buckets = windows.pruned(state or {}, newest_ms, self.window_ms, self.width_ms)
        bucket = at_ms // self.width_ms
        if bucket >= windows.oldest_bucket(newest_ms, self.window_ms, self.width_ms):
            key = str(bucket)
            buckets[key] = self.aggregate.add(buckets.get(key), value, at_ms, self.keep)
        return buckets

    def read(self, state: Any, now_ms: int) -> Any:
        """What conditions see; None if it is not known."""
        if self.window_ms is not None and state is not None:
            partials = list(windows.live(state, now_ms, self.window_ms, self.width_ms))
            state = self.aggregate.merge(partials, self.keep) if partials else None
        return self.aggregate.empty if state is None else self.aggregate.read(state)
