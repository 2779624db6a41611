"""The profile of one customer or visitor: a value, and its form in Redis."""

from dataclasses import dataclass, field, fields
from typing import Any

import orjson

from schemas.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Session:
    """The visit in progress on one channel, or the last one there."""

    started: int
    """ms, like every time in a profile"""
    last: int
    interactions: int
    features: dict[str, Any] = field(default_factory=dict)
    ended: int | None = None

    def open_at(self, now_ms: int, idle_ms: int) -> bool:
        return self.ended is None and now_ms - self.last <= idle_ms


@dataclass(frozen=True, slots=True)
class Profile:
    attributes: dict[str, Any] = field(default_factory=dict)
    set_at: dict[str, int] = field(default_factory=dict)
    """When each attribute was said, in event time: an older statement does not replace a newer one."""
    features: dict[str, Any] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    """By channel."""
    recent: tuple[tuple[int, str, str, str], ...] = ()
    """(time, type, channel, source) of the latest interactions, newest first."""
    first: int | None = None
    last: int | None = None
    """Event times of the oldest and the newest interaction."""
    seen: str = ""
    """Hashes of the latest interaction identities, eight characters each, newest last."""
    marks: dict[str, int] = field(default_factory=dict)
    """How far this profile has followed each part of the log."""

    def dumps(self) -> bytes:
        """JSON a person can read; what is empty is left out."""
        return orjson.dumps({name: value for name in FIELDS if (value := getattr(self, name))})

    @staticmethod
    def loads(data: bytes) -> "Profile":
        found = orjson.loads(data)
        found["sessions"] = {name: Session(**each) for name, each in found.get("sessions", {}).items()}
        found["recent"] = tuple(tuple(each) for each in found.get("recent", ()))
        return Profile(**found)


FIELDS = tuple(each.name for each in fields(Profile))


@dataclass(frozen=True, slots=True)
class Customer:
    """All that the store keeps under one customer's key."""

    subject: str
    version: int = 0
    """Grows by one with every commit; 0 is somebody never seen."""
    profile: Profile = field(default_factory=Profile)
    ledger: Ledger = field(default_factory=Ledger)
