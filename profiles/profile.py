"""The profile of one identifier: a value, and its form in Redis."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson
from msgspec import Struct

from profiles.waiting import Pending, Watched

Recent = tuple[int, str, str, str]


class Session(Struct, frozen=True):
    """The visit in progress on one channel, or the last one there."""

    started: int
    """ms, like every time in a profile"""
    last: int
    interactions: int
    features: dict[str, Any] = {}
    ended: int | None = None
    """For good: what arrives late with an event time up to here belongs to it, and what happens later does not."""
    ended_by: str = ""
    """The interaction type that ended it; empty for idle time."""
    after: int | None = None
    """The end of the visit before: what happened up to then is no part of this one."""

    def open_at(self, now_ms: int, idle_ms: int) -> bool:
        return self.ended is None and now_ms - self.last <= idle_ms

    def over_at(self, event_ms: int, idle_ms: int) -> bool:
        """Whether an event of that time begins a new visit."""
        return event_ms > (self.last + idle_ms if self.ended is None else self.ended)

    def ended_with(self, event_type: str, event_ms: int) -> bool:
        """Whether an event is the one that ended the visit, and so the last that belongs to it."""
        return self.ended is not None and self.ended_by == event_type and event_ms <= self.ended

    @property
    def length_ms(self) -> int:
        return self.last - self.started

    def as_json(self, last_ms: int) -> list[Any]:
        """`[milliseconds from its start to last_ms, its length, interactions]`; then, where there was a visit before,
        the milliseconds from the end of that one to the start of this, and `{what else there is}`."""
        found: list[Any] = [last_ms - self.started, self.last - self.started, self.interactions]
        if self.after is not None:
            found.append(self.started - self.after)
        more = {name: value for name, value in zip(MORE, more_of(self), strict=True) if value}
        return [*found, more] if more else found

    @staticmethod
    def from_json(data: Sequence[Any], last_ms: int) -> "Session":
        before, length, interactions, *rest = data
        more = rest.pop() if rest and isinstance(rest[-1], dict) else {}
        started = last_ms - before
        return Session(started, started + length, interactions, after=started - rest[0] if rest else None, **more)


MORE = tuple(name for name in Session.__struct_fields__[3:] if name != "after")
more_of = attrgetter(*MORE)


Span = tuple[int, int]
"""When a visit began and when it ended."""


class Visit(Struct, frozen=True):
    """The visit of a person with several identifiers on one channel (profiles/visits.py)."""

    parts: dict[str, Session] = {}
    """What was done in it under each identifier; empty once it is over."""
    before: Span | None = None
    """The visit before, which is summed up; the last one, if none is in progress."""

    def as_json(self, last_ms: int) -> list[Any]:
        """`[{identifier: its share, as a session is written}, start and end of the visit before]`"""
        return [{name: each.as_json(last_ms) for name, each in self.parts.items()}, *(self.before or ())]

    @staticmethod
    def from_json(data: Sequence[Any], last_ms: int) -> "Visit":
        parts, *before = data
        found = {name: Session.from_json(each, last_ms) for name, each in parts.items()}
        return Visit(found, (before[0], before[1]) if before else None)


class Profile(Struct, frozen=True):
    attributes: dict[str, Any] = {}
    set_at: dict[str, int] = {}
    """When each attribute was said, in event time: an older statement does not replace a newer one."""
    features: dict[str, Any] = {}
    sessions: dict[str, Session] = {}
    """By channel."""
    tags: dict[str, int] = {}
    """When the latest statement about each tag was made, in event time; negative if it took the tag away."""
    stages: tuple[tuple[str, int], ...] = ()
    """The lifecycle stages entered, newest first, each with its time."""
    recent: tuple[Recent, ...] = ()
    """(time, type, channel, source) of the latest interactions, newest first."""
    first: int | None = None
    last: int | None = None
    """Event times of the oldest and the newest interaction."""
    seen: str = ""
    """Hashes of the latest interaction identities, eight characters each, newest last."""
    marks: dict[str, int] = {}
    """How far this profile has followed each part of the log."""
    pending: dict[str, Pending] = {}
    """Timers of rules by name, `after:<rule>`: the truth that the sorted set of the shard only wakes."""
    watched: dict[str, Watched] = {}
    """The newest events that set and cancel a timer, by its name."""
    acted: dict[str, int] = {}
    """When an action that is held back for a while was last taken, by `<rule>/<index>`."""
    visits: dict[str, Visit] = {}
    """By channel, of somebody who has parts of others: the visit of the person, not of this part alone."""

    def as_json(self) -> dict[str, Any]:
        """What a person can read: what is empty is left out, `recent` is grouped."""
        found = {name: value for name, value in zip(FIELDS, values_of(self), strict=True) if value}
        if self.sessions:
            found["sessions"] = {name: each.as_json(self.last or 0) for name, each in self.sessions.items()}
        if self.recent:
            found["recent"] = grouped(self.recent, self.last or 0)
        if self.pending:
            found["pending"] = {name: each.as_json() for name, each in self.pending.items()}
        if self.visits:
            found["visits"] = {name: each.as_json(self.last or 0) for name, each in self.visits.items()}
        return found

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Profile":
        found = dict(data)
        last = found.get("last", 0)
        found["sessions"] = {name: Session.from_json(each, last) for name, each in found.get("sessions", {}).items()}
        found["recent"] = ungrouped(found.get("recent", {}), last)
        found["stages"] = tuple((name, at_ms) for name, at_ms in found.get("stages", ()))
        if "pending" in found:
            found["pending"] = {name: Pending(**each) for name, each in found["pending"].items()}
        if "visits" in found:
            found["visits"] = {name: Visit.from_json(each, last) for name, each in found["visits"].items()}
        return Profile(**found)

    def dumps(self) -> bytes:
        return orjson.dumps(self.as_json())

    @staticmethod
    def loads(data: bytes) -> "Profile":
        return Profile.from_json(orjson.loads(data))


def grouped(recent: Iterable[Recent], last_ms: int) -> dict[str, list[int]]:
    """`{"page_view|web|shop": [milliseconds from the newest to `last_ms`, from the one before to that, …]}`."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    after: dict[tuple[str, str, str], int] = {}
    for at_ms, kind, channel, source in recent:
        what = kind, channel, source
        if what in groups:
            groups[what].append(after[what] - at_ms)
        else:
            groups[what] = [last_ms - at_ms]
        after[what] = at_ms
    return {"|".join(what): gaps for what, gaps in groups.items()}


def ungrouped(groups: Mapping[str, Sequence[int]], last_ms: int) -> tuple[Recent, ...]:
    found: list[Recent] = []
    for name, gaps in groups.items():
        kind, channel, source = name.split("|", 2)
        at_ms = last_ms
        for gap in gaps:
            at_ms -= gap
            found.append((at_ms, kind, channel, source))
    found.sort(reverse=True)
    return tuple(found)


FIELDS = Profile.__struct_fields__
values_of = attrgetter(*FIELDS)
