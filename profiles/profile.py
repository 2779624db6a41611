"""The profile of one identifier: a value, and its form in Redis."""

from collections.abc import Mapping
from itertools import accumulate
from operator import sub
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

    def open_at(self, now_ms: int, idle_ms: int) -> bool:
        return self.ended is None and now_ms - self.last <= idle_ms

    def as_json(self) -> dict[str, Any]:
        return {name: value for name in SESSION_FIELDS if (value := getattr(self, name))}


SESSION_FIELDS = Session.__struct_fields__


class Profile(Struct, frozen=True):
    attributes: dict[str, Any] = {}
    set_at: dict[str, int] = {}
    """When each attribute was said, in event time: an older statement does not replace a newer one."""
    features: dict[str, Any] = {}
    sessions: dict[str, Session] = {}
    """By channel."""
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

    def as_json(self) -> dict[str, Any]:
        """What a person can read: what is empty is left out, `recent` is grouped."""
        found = {name: value for name in FIELDS if (value := getattr(self, name))}
        if self.sessions:
            found["sessions"] = {name: each.as_json() for name, each in self.sessions.items()}
        if self.recent:
            found["recent"] = grouped(self.recent)
        if self.pending:
            found["pending"] = {name: each.as_json() for name, each in self.pending.items()}
        return found

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Profile":
        found = dict(data)
        found["sessions"] = {name: Session(**each) for name, each in found.get("sessions", {}).items()}
        if "pending" in found:
            found["pending"] = {name: Pending(**each) for name, each in found["pending"].items()}
        found["recent"] = ungrouped(found.get("recent", {}))
        return Profile(**found)

    def dumps(self) -> bytes:
        return orjson.dumps(self.as_json())

    @staticmethod
    def loads(data: bytes) -> "Profile":
        return Profile.from_json(orjson.loads(data))


def grouped(recent: tuple[Recent, ...]) -> dict[str, list[int]]:
    """`{"page_view|web|shop": [time of the newest, milliseconds to the one before, …]}`."""
    groups: dict[str, list[int]] = {}
    before: dict[str, int] = {}
    for at_ms, kind, channel, source in recent:
        name = f"{kind}|{channel}|{source}"
        if name in groups:
            groups[name].append(before[name] - at_ms)
        else:
            groups[name] = [at_ms]
        before[name] = at_ms
    return groups


def ungrouped(groups: dict[str, list[int]]) -> tuple[Recent, ...]:
    found: list[Recent] = []
    for name, (newest, *gaps) in groups.items():
        kind, channel, source = name.split("|", 2)
        found += [(at_ms, kind, channel, source) for at_ms in accumulate(gaps, sub, initial=newest)]
    return tuple(sorted(found, reverse=True))


FIELDS = Profile.__struct_fields__
