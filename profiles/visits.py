"""The visits of a person with several identifiers: each is one visit, whichever identifier an interaction names. Pure.

Whoever belongs to nobody else, and has parts of others, keeps for each channel the visit in progress apart from the
sessions of the parts: what was done in it under each identifier (so that a link can be taken back), and when the visit
before was, so that what arrives late sums nothing up twice. Boundaries are those of `profiles/sessions.py`, as if all
interactions had been said under one identifier.

When an identifier is claimed, its visits in progress are handed over to the owner, once: `together` joins them.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from profiles import sessions
from profiles.definition import Definition
from profiles.joining import joined_features
from profiles.profile import Profile, Session, Span, Visit
from schemas.interaction import Interaction

NO_VISIT = Visit()


class Over(NamedTuple):
    """A visit that is over."""

    session: Session
    under: frozenset[str]
    """The identifiers under which something was done in it."""


def of_sessions(subject: str, profile: Profile) -> dict[str, Visit]:
    """The visits of somebody who has one identifier."""
    return {channel: _of_session(subject, session) for channel, session in profile.sessions.items()}


def _of_session(subject: str, session: Session) -> Visit:
    if session.ended is not None:
        return Visit(before=(session.started, session.ended))
    return Visit({subject: replace(session, after=None)}, None if session.after is None else (session.after,) * 2)


def over_now(visit: Visit, definition: Definition) -> Over:
    """All that was done in the visit in progress, which must be one."""
    bounds = _bounds(visit)
    assert bounds is not None
    parts = [each.features for each in visit.parts.values()]
    return Over(replace(bounds, features=joined_features(parts, definition.session_features)), frozenset(visit.parts))


def happened(visit: Visit, event: Interaction, definition: Definition) -> tuple[Visit, Over | None]:
    """What an interaction makes of the visit on its channel, and the visit that it ends: the one that it belongs to, or
    the one that it comes too late for."""
    current = _bounds(visit)
    found = sessions.joined(current, event, definition)
    if found is None or found.ended is not None:
        return visit, None
    over = None
    if current is not None and found is not current:
        over = over_now(visit, definition) if visit.parts else None
        visit = _closed(current)
    now = Visit(_with_event(visit.parts, event, found.last, definition), visit.before)
    ended = sessions.continued(found, event, {}, definition)
    if ended.ended is None:
        return now, over
    whole, under = over_now(now, definition)
    return _closed(ended), Over(replace(whole, ended=ended.ended, ended_by=ended.ended_by), under)


def is_before(visit: Visit, at_ms: int, idle_ms: int) -> bool:
    """Whether something happened earlier than the visit in progress and has no part in the one before either."""
    current = _bounds(visit)
    if current is None or at_ms >= current.started - idle_ms:
        return False
    return visit.before is None or not visit.before[0] - idle_ms <= at_ms <= visit.before[1]


def was_on_time(before: Profile, after: Profile, channel: str) -> bool:
    """Whether an interaction has begun a visit of a single identifier or added to one that was not over."""
    earlier, now = before.sessions.get(channel), after.sessions.get(channel)
    return now is not earlier and (
        earlier is None or now is None or earlier.ended is None or now.ended != earlier.ended
    )


def timed_out(visit: Visit, at_ms: int, definition: Definition) -> tuple[Visit, Over | None]:
    """A timer may have been overtaken by one more interaction: then the visit goes on."""
    current = _bounds(visit)
    if current is None or current.ended is not None or at_ms - current.last < definition.session_idle_ms:
        return visit, None
    return _closed(replace(current, ended=at_ms)), over_now(visit, definition)


def together(mine: Visit, theirs: Visit, definition: Definition) -> tuple[Visit, Over | None]:
    """The visit in progress where `theirs` is handed over to who has `mine`, and the earlier one where they are two.

    What is handed over after the visit that it belongs to was summed up adds nothing to the summary.
    """
    if not theirs.parts:
        return _marked(mine, theirs.before), None
    given_over, idle_ms = over_now(theirs, definition), definition.session_idle_ms
    given = given_over.session
    if mine.before is not None and _belongs_to(given, mine.before, idle_ms):
        return mine, None
    if not mine.parts:
        if mine.before is not None and given.last < mine.before[0]:
            return mine, given_over
        return Visit(theirs.parts, _before(given.started, mine.before, theirs.before)), None
    own_over = over_now(mine, definition)
    own = own_over.session
    if given.started > own.last + idle_ms:
        return Visit(theirs.parts, (own.started, own.last)), own_over
    if own.started > given.last + idle_ms:
        return Visit(mine.parts, _before(own.started, mine.before, (given.started, given.last))), given_over
    started = min(own.started, given.started)
    return Visit(_joined(mine.parts, theirs.parts), _before(started, mine.before, theirs.before)), None


def of_members(visits: dict[str, Visit], members: Collection[str]) -> dict[str, Visit]:
    """Without what was done by those who do not belong to the person any more."""
    if all(name in members for visit in visits.values() for name in visit.parts):
        return visits
    kept = {
        channel: Visit({name: each for name, each in visit.parts.items() if name in members}, visit.before)
        for channel, visit in visits.items()
    }
    return {channel: visit for channel, visit in kept.items() if visit.parts or visit.before}


def due_ms(profile: Profile, channel: str, definition: Definition) -> int | None:
    """When the timer of a channel is to fire: for the visit in progress there, and for the session of the own part."""
    own, visit = profile.sessions.get(channel), profile.visits.get(channel, NO_VISIT)
    lasts = [each.last for each in visit.parts.values()]
    if own is not None and own.ended is None:
        lasts.append(own.last)
    return max(lasts) + definition.session_idle_ms if lasts else None


def _bounds(visit: Visit) -> Session | None:
    """The visit without what was done in it; the one before, if none is in progress; None if there was none either."""
    if visit.parts:
        parts = visit.parts.values()
        return Session(
            started=min(each.started for each in parts),
            last=max(each.last for each in parts),
            interactions=sum(each.interactions for each in parts),
            after=visit.before[1] if visit.before is not None else None,
        )
    if visit.before is None:
        return None
    started, ended = visit.before
    return Session(started=started, last=ended, interactions=0, ended=ended)


def _with_event(
    parts: Mapping[str, Session], event: Interaction, last_ms: int, definition: Definition
) -> dict[str, Session]:
    part = parts.get(event.subject) or Session(started=event.at_ms, last=event.at_ms, interactions=0)
    features, newest_ms = dict(part.features), max(last_ms, event.at_ms)
    for each in definition.session_features_of.get(event.type, ()):
        state = each.after(features.get(each.key), event, newest_ms)
        if state is not None:
            features[each.key] = state
    part = sessions.continued(part, event, features, definition)
    return {**parts, event.subject: replace(part, ended=None, ended_by="")}


def _closed(over: Session) -> Visit:
    return Visit(before=(over.started, over.last if over.ended is None else over.ended))


def _marked(mine: Visit, before: Span | None) -> Visit:
    """With a visit before that somebody else has summed up."""
    if before is None:
        return mine
    current = _bounds(mine)
    if current is None or current.ended is not None:
        return Visit(before=max(before, mine.before or before, key=_end))
    return Visit(mine.parts, _before(current.started, mine.before, before))


def _before(started_ms: int, *several: Span | None) -> Span | None:
    """The latest of those that were over when a visit began."""
    return max((each for each in several if each is not None and each[1] < started_ms), key=_end, default=None)


def _end(span: Span) -> int:
    return span[1]


def _belongs_to(given: Session, before: Span, idle_ms: int) -> bool:
    return before[0] - idle_ms <= given.last <= before[1]


def _joined(mine: Mapping[str, Session], theirs: Mapping[str, Session]) -> dict[str, Session]:
    """What an identifier hands over itself holds what another one has passed on of it."""
    shared = {name: max(mine[name], theirs[name], key=_interactions) for name in mine.keys() & theirs.keys()}
    return {**mine, **theirs, **shared}


def _interactions(session: Session) -> int:
    return session.interactions
