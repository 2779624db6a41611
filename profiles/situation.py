"""Whom and what facts are about (profiles/facts.py)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from profiles.definition import Definition
from profiles.profile import Profile, Session
from schemas.interaction import SESSION_ENDED, Interaction


class Situation(Struct, frozen=True):
    """Whom and what the facts are about."""

    subject: str
    profile: Profile
    channel: str
    now_ms: int
    event: Interaction | None = None
    """The event that is judged; the profile holds it already."""
    context: Mapping[str, Any] | None = None
    before: Profile | None = None
    """The profile without that event; None where no event is judged."""
    visit: Session | None = None
    """The visit that is judged, such as one that has ended; None: the open one on the channel."""

    def session(self, definition: Definition) -> Session | None:
        return self._open(self.profile, definition)

    def session_before(self, definition: Definition) -> Session | None:
        """The visit without the event that is judged; None if that event began it."""
        return self._open(self.before or self.profile, definition)

    def _open(self, profile: Profile, definition: Definition) -> Session | None:
        if self.visit is not None or (self.event is not None and self.event.type == SESSION_ENDED):
            return self.visit  # of a visit that has ended, the event says all
        found = profile.sessions.get(self.channel)
        if found is None or found.open_at(self.now_ms, definition.session_idle_ms):
            return found
        return found if self.event is not None and found.ended_with(self.event.type, self.event.at_ms) else None
