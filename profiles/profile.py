"""The profile of one identifier: a value, and its form in Redis."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from profiles.recent import Groups, Recent, ungrouped
from profiles.waiting import Pending, Watched


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
        if self.features or self.ended is not None:
            found.append({name: value for name, value in zip(MORE, more_of(self), strict=True) if value})
        return found

    @staticmethod
    def from_json(data: Sequence[Any], last_ms: int) -> "Session":
        started, has = last_ms - data[0], len(data)
        more = data[-1] if isinstance(data[-1], dict) else {}
        after = started - data[3] if has > 4 or (has == 4 and not more) else None
        return Session(started, started + data[1], data[2], after=after, **more)


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


if TYPE_CHECKING:
    Sessions = dict[str, Session]
    Visits = dict[str, Visit]
else:
    Sessions = Visits = dict[str, Any]  # msgspec reads and writes the short form; `loads` makes sessions of it


class Profile(Struct, frozen=True, omit_defaults=True):
    attributes: dict[str, Any] = {}
    set_at: dict[str, int] = {}
    """When each attribute was said, in event time: an older statement does not replace a newer one."""
    features: dict[str, Any] = {}
    sessions: Sessions = {}
    """By channel."""
    tags: dict[str, int] = {}
    """When the latest statement about each tag was made, in event time; negative if it took the tag away."""
    stages: tuple[tuple[str, int], ...] = ()
    """The lifecycle stages entered, newest first, each with its time."""
    latest: Groups = field(default_factory=dict, name="recent")
    """The latest interactions, as profiles/recent.py has them."""
    first: int | None = None
    last: int | None = None
    """Event times of the oldest and the newest interaction."""
    seen: str = ""
    """Hashes of the latest interaction identities, seven characters each, newest last."""
    marks: dict[str, int] = {}
    """How far this profile has followed each part of the log."""
    pending: dict[str, Pending] = {}
    """Timers of rules by name, `after:<rule>`: the truth that the sorted set of the shard only wakes."""
    watched: dict[str, Watched] = {}
    """The newest events that set and cancel a timer, by its name."""
    acted: dict[str, int] = {}
    """When an action that is held back for a while was last taken, by `<rule>/<index>`."""
    visits: Visits = {}
    """By channel, of somebody who has parts of others: the visit of the person, not of this part alone."""

    @property
    def recent(self) -> tuple[Recent, ...]:
        """(time, type, channel, source) of the latest interactions, newest first."""
        return ungrouped(self.latest, self.last or 0)

    def as_json(self) -> dict[str, Any]:
        """What a person can read: what is empty is left out, times are distances."""
        found: dict[str, Any] = msgspec.to_builtins(self._short())
        return found

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Profile":
        return msgspec.convert(data, Profile)._long()

    def dumps(self) -> bytes:
        return ENCODER.encode(self._short())

    @staticmethod
    def loads(data: bytes) -> "Profile":
        return DECODER.decode(data)._long()

    def _short(self) -> "Profile":
        if not self.sessions and not self.visits:
            return self
        last_ms = self.last or 0
        sessions: Any = {channel: each.as_json(last_ms) for channel, each in self.sessions.items()}
        visits: Any = {channel: each.as_json(last_ms) for channel, each in self.visits.items()}
        return replace(self, sessions=sessions, visits=visits)

    def _long(self) -> "Profile":
        if not self.sessions and not self.visits:
            return self
        last_ms = self.last or 0
        short: Any = self
        sessions = {channel: Session.from_json(each, last_ms) for channel, each in short.sessions.items()}
        visits = {channel: Visit.from_json(each, last_ms) for channel, each in short.visits.items()}
        return replace(self, sessions=sessions, visits=visits)


ENCODER = msgspec.json.Encoder()
DECODER = msgspec.json.Decoder(Profile)
