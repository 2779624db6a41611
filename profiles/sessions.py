"""Sessions: to which visit an interaction belongs, and when a visit is over. Pure.

A visit ends once and for good: by an interaction type that the policy names in `ends`, by its timer, or because a later
one begins on its channel before the timer has come. What arrives late may add to a visit that has ended; it does not
open it again, so that there is one end, and one summary, for each.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from profiles.definition import Definition
from profiles.profile import Session
from schemas.interaction import Interaction

SESSION_TIMER = "session"
"""`session:<channel>` is the timer that ends a session."""


def joined(current: Session | None, interaction: Interaction, definition: Definition) -> Session | None:
    """The visit that the interaction belongs to, not counted in it yet: the one on its channel or a new one.

    None if it arrived late and belongs to an earlier one, or would end a visit where there is none.
    """
    happened, idle = interaction.at_ms, definition.session_idle_ms
    if current is None or current.over_at(happened, idle):
        new = Session(started=happened, last=happened, interactions=0, after=_end(current))
        return None if interaction.type in definition.session_ends else new
    earlier = happened < current.started - idle or (current.after is not None and happened <= current.after)
    return None if earlier else current


def _end(before: Session | None) -> int | None:
    """The end of the visit before: what happened up to then does not belong to the new one, however late it comes."""
    if before is None:
        return None
    return before.last if before.ended is None else before.ended


def continued(session: Session, interaction: Interaction, features: dict[str, Any], definition: Definition) -> Session:
    """The visit with the interaction in it. One that ends it, and arrives late, ends it at its last interaction."""
    happened, started, last = interaction.at_ms, session.started, session.last
    last = max(last, happened)
    ends = session.ended is None and interaction.type in definition.session_ends
    return replace(
        session,
        started=min(started, happened),
        last=last,
        ended=last if ends else session.ended,
        ended_by=interaction.type if ends else session.ended_by,
        interactions=session.interactions + 1,
        features=features,
    )


def timed_out(sessions: Mapping[str, Session], fired: Interaction, definition: Definition) -> dict[str, Session]:
    """A timer may have been overtaken by one more interaction: then the session goes on."""
    kind, _, channel = fired.data["timer"].partition(":")
    session = sessions.get(channel) if kind == SESSION_TIMER else None
    idle = session is not None and fired.at_ms - session.last >= definition.session_idle_ms
    if session is None or session.ended is not None or not idle:
        return dict(sessions)
    return {**sessions, channel: replace(session, ended=fired.at_ms)}


def just_ended(earlier: Session | None, now: Session | None, happened_ms: int, idle_ms: int) -> Session | None:
    """The visit that an interaction has ended; `earlier` and `now` are those on its channel before it and after it."""
    if earlier is None or now is None or now is earlier or earlier.ended is not None:
        return None
    return now if now.ended is not None else earlier if earlier.over_at(happened_ms, idle_ms) else None
