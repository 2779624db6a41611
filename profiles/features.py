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

from profiles.aggregates import AGGREGATES, Aggregate
from profiles.windows import Rolling, Window, last_of, packed, partials, put, unpacked
from schemas.base import at_ms
from schemas.interaction import Interaction

LONGEST_KEY = 200
"""Longer texts are cut where they become a key."""


Reader = Callable[[Interaction], Any]
Read = Callable[[Any, int], Any]
"""(state or None, now) → what conditions see"""
Add = Callable[[Any, Any, int, int], Any]
"""(state or None, value, time, time of the customer's newest event) → state"""
After = Callable[[Any, Interaction, int], Any]
"""(state or None, interaction, time of the customer's newest event) → state; None: the event has nothing for it"""


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


def adding(aggregate: Aggregate, window: Window | None, keep: int) -> Add:
    """What adds one event. What does not change from event to event is looked up here, once."""
    add = aggregate.add
    if window is None:
        return lambda state, value, at_ms, _: add(state, value, at_ms, keep)
    bucket, oldest = window.bucket, window.oldest

    def timed(state: Any, value: Any, at_ms: int, newest_ms: int) -> Any:
        from_bucket = oldest(newest_ms)
        return packed(pair for pair in unpacked(add(state, value, at_ms, keep)) if bucket(pair[0]) >= from_bucket)

    def bucketed(state: Any, value: Any, at_ms: int, newest_ms: int) -> Any:
        number = bucket(at_ms)
        if state and state[0] == number:
            return [number, add(state[1], value, at_ms, keep), *state[2:]]
        return put(state or [], number, oldest(newest_ms), add, value, at_ms, keep)

    return timed if aggregate.timed else bucketed


def folding(add: Add, value_of: Reader) -> After:
    """What folds an interaction into a single value."""

    def after(state: Any, interaction: Interaction, newest_ms: int) -> Any:
        value = value_of(interaction)
        return None if value is None else add(state, value, interaction.at_ms, newest_ms)

    return after


def folding_by(add: Add, value_of: Reader, key_of: Reader, keys: int) -> After:
    """What folds an interaction into one value for each key, of the `keys` keys that were used last."""

    def after(state: Any, interaction: Interaction, newest_ms: int) -> Any:
        value, key = value_of(interaction), key_of(interaction)
        if value is None or key is None:
            return None
        series, name, at_ms = dict(state or {}), key[:LONGEST_KEY], interaction.at_ms
        used_ms, before = series.get(name, (at_ms, None))
        series[name] = [max(at_ms, used_ms), add(before, value, at_ms, newest_ms)]
        if len(series) > keys:
            del series[min(series, key=lambda each: (series[each][0], each))]
        return series

    return after


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
    after: After
    """The state with one more event in it."""
    window: Window | None = None
    keep: int = 1
    by: str = ""
    """The field whose values are the keys; empty for a single value."""
    keys: int = 0
    per_ms: int = 0
    """The unit of time of a rate; 0 for anything else."""
    with_current: bool = True
    """Whether a rule that judges an event finds that event counted."""

    def __reduce__(self) -> tuple[Any, ...]:
        """What folds is made again where it is read (app/crossing.py)."""
        aggregate = next(name for name, each in AGGREGATES.items() if each is self.aggregate)
        what = self.name, self.key, aggregate, self.field, self.value_type, self.window
        return defined, (*what, self.keep, self.by, self.keys, self.per_ms, self.with_current)

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

    def reading(self) -> "Read":
        """As `read`, for whoever asks often: what does not change from one customer to the next is looked up here."""
        window, aggregate, keep = self.window, self.aggregate, self.keep
        if not isinstance(window, Rolling) or self.by or aggregate.timed or self.per_ms:
            return self.read
        length_ms, width_ms, empty = window.length_ms, window.width_ms, aggregate.empty
        merge, value_of = aggregate.merge, aggregate.read

        def read(state: Any, now_ms: int) -> Any:
            if not state:
                return empty
            oldest = (now_ms - length_ms) // width_ms
            found = state[1::2] if last_of(state) >= oldest else partials(state, oldest, None)
            return value_of(merge(found, keep), keep) if found else empty

        return read

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


def defined(
    name: str,
    key: str,
    aggregate: str,
    field: str,
    value_type: str,
    window: Window | None,
    keep: int,
    by: str,
    keys: int,
    per_ms: int,
    with_current: bool,
) -> FeatureDefinition:
    """`aggregate`: its name. The others as in the definition."""
    found = AGGREGATES[aggregate]
    add, value_of = adding(found, window, keep), value_reader(field, value_type)
    after = folding_by(add, value_of, field_reader(by), keys) if by else folding(add, value_of)
    return FeatureDefinition(name, key, found, field, value_type, after, window, keep, by, keys, per_ms, with_current)
