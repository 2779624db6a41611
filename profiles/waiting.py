"""Timers as a profile knows them: what is pending, and what was seen that may cancel it.

The profile is the truth, the shard's sorted set only the alarm clock: a timer that fires and is not pending at that
time does nothing. Pure, and of bounded size.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from schemas.interaction import Interaction

if TYPE_CHECKING:
    from profiles.profile import Profile

MOST_PENDING = 50
"""Timers of rules that one profile keeps; beyond, the one that is due first is dropped."""
MOST_WATCHED = 100
"""Keys of which a profile remembers what was seen last."""
MOST_BYTES = 2_000
"""Of the data of an event that waits; beyond, its longest fields are left out."""
NEVER = -1
Watched = list[int]
"""`[newest X, newest Y, until]`: event times in ms, NEVER for none, and when both are old enough to be forgotten.
Joining two parts of a profile takes the greater of each."""
UNSEEN = (NEVER, NEVER, NEVER)


class Pending(Struct, frozen=True, omit_defaults=True):
    due: int
    event: dict[str, Any] | None = None
    """The event that set it, as `kept` makes it."""

    def as_json(self) -> dict[str, Any]:
        return {"due": self.due} if self.event is None else {"due": self.due, "event": self.event}


def kept(event: Interaction) -> dict[str, Any]:
    """An event as it waits in a profile."""
    data = dict(event.data)
    sizes = {name: len(orjson.dumps({name: value})) for name, value in data.items()}
    while sum(sizes[name] for name in data) > MOST_BYTES:
        del data[max(data, key=lambda name: (sizes[name], name))]
    return {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "channel": event.channel,
        "at": event.at_ms,
        "data": data,
    }


def restored(event: Mapping[str, Any], subject: str) -> Interaction:
    return Interaction(
        id=event["id"],
        source=event["source"],
        type=event["type"],
        subject=subject,
        channel=event["channel"],
        at_ms=event["at"],
        data=event["data"],
    )


class Waiting:
    """A working copy of what a profile waits for."""

    def __init__(self, profile: "Profile") -> None:
        self.pending = dict(profile.pending)
        self.watched = dict(profile.watched)
        self.timers: dict[str, int | None] = {}
        """What the alarm clock is to be told: due time by name, None cancels."""
        self.dropped = 0

    def set(self, name: str, due_ms: int, event: Interaction | None = None) -> None:
        """Sets a timer, or replaces it."""
        self.pending[name] = Pending(due_ms, None if event is None else kept(event))
        self.timers[name] = due_ms
        while len(self.pending) > MOST_PENDING:
            self.cancel(min(self.pending, key=lambda each: (self.pending[each].due, each)))
            self.dropped += 1

    def cancel(self, name: str) -> None:
        if self.pending.pop(name, None) is not None:
            self.timers[name] = None

    def taken(self, name: str, due_ms: int) -> Pending | None:
        """What was pending at exactly this time; it is no more."""
        found = self.pending.get(name)
        return self.pending.pop(name) if found is not None and found.due == due_ms else None

    def seen(self, name: str) -> Watched:
        return self.watched.get(name, list(UNSEEN))

    def saw(self, name: str, watched: Watched, newest_ms: int) -> None:
        """Remembers the newest events of a key, and forgets those that matter no more at the newest event's time."""
        self.watched[name] = watched
        self.watched = {key: each for key, each in self.watched.items() if each[2] > newest_ms}
        while len(self.watched) > MOST_WATCHED:
            del self.watched[min(self.watched, key=lambda each: (self.watched[each][2], each))]

    def into(self, profile: "Profile") -> "Profile":
        if self.pending == profile.pending and self.watched == profile.watched:
            return profile
        return replace(profile, pending=self.pending, watched=self.watched)
