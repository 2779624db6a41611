"""Features: an aggregate over a window, one or one for each key; how it is folded and how it is read.

State, a plain JSON value: the partial aggregate itself; with a window, its buckets (profiles/windows.py), unless the
aggregate is timed; with `by`, `{key: [time of its newest event, state]}` of the `keys` keys that were used last.
A feature without any event is not known, except counts, rates and sums, which are zero, and maps, which are empty.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from profiles.aggregates import Aggregate
from profiles.windows import Window, packed, partials, put, unpacked
from schemas.base import at_ms
from schemas.interaction import Interaction

LONGEST_KEY = 200
"""Longer texts are cut where they become a key."""


Reader = Callable[[Interaction], Any]


def field_reader(field: str) -> Reader:
    """Reads `event.<field>`; None if an interaction does not carry it."""
    match field:
        case "time":
            return attrgetter("at_ms")
        case "channel" | "source" | "type" | "id":
            return attrgetter(field)
        case _:
            return lambda interaction: interaction.data.get(field)


def value_reader(field: str, value_type: str) -> Reader:
    """Reads what is aggregated: 1 where things are counted, milliseconds where they are times."""
    if not field:
        return lambda _: 1
    read = field_reader(field)
    return read if value_type != "timestamp" or field == "time" else lambda interaction: _in_ms(read(interaction))


def _in_ms(value: Any) -> Any:
    return at_ms(datetime.fromisoformat(value)) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """One feature, ready to fold."""

    name: str
    key: str
    """Where its state stands in a profile: the name, and three characters of what defines it. A feature that is
    defined otherwise starts afresh, since nothing of the old state would be right."""
    aggregate: Aggregate
    field: str
    """The field of the event; empty for counts and rates."""
    value_type: str
    """Of what is read: of a list or map, its elements."""
    value_of: Reader
    """What it takes from an interaction; None where there is nothing for it."""
    window: Window | None = None
    keep: int = 1
    by: str = ""
    """The field whose values are the keys; empty for a single value."""
    key_of: Reader | None = None
    keys: int = 0
    per_ms: int = 0
    """The unit of time of a rate; 0 for anything else."""
    with_current: bool = True
    """Whether a rule that judges an event finds that event counted."""

    def add(self, state: Any, value: Any, at_ms: int, newest_ms: int, key: str = "") -> Any:
        """The state with one more event. `newest_ms`: the time of the customer's newest event."""
        if not self.by:
            return self._added(state, value, at_ms, newest_ms)
        series = dict(state or {})
        used_ms, before = series.get(key[:LONGEST_KEY], (at_ms, None))
        series[key[:LONGEST_KEY]] = [max(at_ms, used_ms), self._added(before, value, at_ms, newest_ms)]
        if len(series) > self.keys:
            del series[min(series, key=lambda each: (series[each][0], each))]
        return series

    def _added(self, state: Any, value: Any, at_ms: int, newest_ms: int) -> Any:
        aggregate, window = self.aggregate, self.window
        if window is None:
            return aggregate.add(state, value, at_ms, self.keep)
        oldest = window.oldest(newest_ms)
        if not aggregate.timed:
            return put(state or [], window.bucket(at_ms), oldest, aggregate.add, value, at_ms, self.keep)
        latest = aggregate.add(state, value, at_ms, self.keep)
        return packed(pair for pair in unpacked(latest) if window.bucket(pair[0]) >= oldest)

    def read(self, state: Any, now_ms: int) -> Any:
        """What conditions see; None if it is not known."""
        if not self.by:
            found = self._partial(state, now_ms)
            return self.aggregate.empty if found is None else self._value(found, now_ms)
        return {
            key: self._value(found, now_ms)
            for key, (_, each) in sorted((state or {}).items())
            if (found := self._partial(each, now_ms)) is not None
        }

    def _partial(self, state: Any, now_ms: int) -> Any:
        """What the window that ends now holds; None if that is nothing."""
        if self.window is None or not state:
            return None if state == [] else state
        if self.aggregate.timed:
            return packed(pair for pair in unpacked(state) if self.window.covers(pair[0], now_ms)) or None
        found = partials(state, *self.window.read(now_ms))
        return self.aggregate.merge(found, self.keep) if found else None

    def _value(self, partial: Any, now_ms: int) -> Any:
        value = self.aggregate.read(partial, self.keep)
        if self.per_ms and self.window is not None:
            return value * self.per_ms / max(self.window.span_ms(now_ms), self.per_ms)
        return value
