"""`fold`: what one interaction makes of a profile. Pure: the same interaction gives the same profile, whoever
folds it and whenever."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from profiles.aggregates import digest
from profiles.definition import KEPT_IDENTITIES, KEPT_INTERACTIONS, Definition
from profiles.features import FeatureDefinition
from profiles.profile import Profile, Session
from schemas.base import at_ms
from schemas.interaction import TIMER_FIRED, Interaction

IDENTITY_CHARACTERS = 8
SESSION_TIMER = "session"
"""`session:<channel>` is the timer that ends a session."""


def identity_hash(interaction: Interaction) -> str:
    """Eight characters (48 bits) that stand for the identity of an interaction within one profile."""
    return digest(interaction.identity)


def has_seen(seen: str, identity: str) -> bool:
    at = seen.find(identity)
    while at % IDENTITY_CHARACTERS and at >= 0:  # found across two others
        at = seen.find(identity, at + 1)
    return at >= 0


def not_after(received_ms: int, interaction: Interaction) -> Interaction:
    """Nothing happens after it has arrived: a later time is a wrong clock and gives way to the time of arrival.

    So the newest event of a profile is never in the future, whatever a touchpoint says, and can push nothing out
    of a window that belongs there.
    """
    return interaction if interaction.at_ms <= received_ms else replace(interaction, at_ms=received_ms)


def fold(profile: Profile, interaction: Interaction, definition: Definition) -> Profile:
    """The profile with the interaction in it. One that it has already seen changes nothing."""
    identity = identity_hash(interaction)
    if has_seen(profile.seen, identity):
        return profile
    seen = (profile.seen + identity)[-KEPT_IDENTITIES * IDENTITY_CHARACTERS :]
    if interaction.type == TIMER_FIRED:
        return replace(profile, seen=seen, sessions=_ended(profile.sessions, interaction, definition))
    happened = interaction.at_ms
    newest = max(happened, profile.last or happened)
    stated = _stated(profile, interaction, definition)
    return replace(
        profile,
        attributes={**profile.attributes, **stated},
        set_at={**profile.set_at, **dict.fromkeys(stated, happened)},
        features=_without_strays(
            _features(profile.features, definition.features_of.get(interaction.type, ()), interaction, newest),
            definition,
        ),
        sessions=_sessions(profile.sessions, interaction, definition),
        recent=_recent(profile.recent, interaction),
        first=min(happened, profile.first or happened),
        last=newest,
        seen=seen,
    )


def event_value(interaction: Interaction, field: str) -> Any:
    """The value of `event.<field>`; None if this interaction does not carry it."""
    match field:
        case "time":
            return interaction.at_ms
        case "channel" | "source" | "type" | "id":
            return getattr(interaction, field)
        case _:
            return interaction.data.get(field)


def _stated(profile: Profile, interaction: Interaction, definition: Definition) -> dict[str, Any]:
    """The attributes that the interaction sets and nothing newer has set."""
    declared = definition.interactions.get(interaction.type)
    return {
        name: interaction.data[name]
        for name in (declared.sets if declared else ())
        if name in interaction.data and interaction.at_ms >= profile.set_at.get(name, interaction.at_ms)
    }


def _features(
    states: dict[str, Any],
    features: tuple[FeatureDefinition, ...],
    interaction: Interaction,
    newest_ms: int,
) -> dict[str, Any]:
    changed = dict(states) if features else states
    for feature in features:
        value = _aggregated(interaction, feature) if feature.field else 1
        key = event_value(interaction, feature.by) if feature.by else ""
        if value is not None and key is not None:
            changed[feature.key] = feature.add(states.get(feature.key), value, interaction.at_ms, newest_ms, key)
    return changed


def _without_strays(states: dict[str, Any], definition: Definition) -> dict[str, Any]:
    """Without what earlier policies defined otherwise, once there is more than this one defines."""
    if len(states) <= len(definition.features):
        return states
    keys = {each.key for each in definition.features.values()}
    return {key: state for key, state in states.items() if key in keys}


def _aggregated(interaction: Interaction, feature: FeatureDefinition) -> Any:
    """The value that a feature takes; a time is aggregated in milliseconds."""
    value = event_value(interaction, feature.field)
    is_time = feature.value_type == "timestamp" and isinstance(value, str)
    return at_ms(datetime.fromisoformat(value)) if is_time else value


def _recent(
    recent: tuple[tuple[int, str, str, str], ...], interaction: Interaction
) -> tuple[tuple[int, str, str, str], ...]:
    entry = (interaction.at_ms, interaction.type, interaction.channel, interaction.source)
    if not recent or entry > recent[0]:
        return (entry, *recent[: KEPT_INTERACTIONS - 1])
    return tuple(sorted((entry, *recent), reverse=True)[:KEPT_INTERACTIONS])


def _sessions(sessions: dict[str, Session], interaction: Interaction, definition: Definition) -> dict[str, Session]:
    channel, happened, idle = interaction.channel, interaction.at_ms, definition.session_idle_ms
    if not channel:
        return sessions  # what we were told by somebody else is no visit
    current = sessions.get(channel)
    if current is None or happened - current.last > idle:
        current = Session(started=happened, last=happened, interactions=0)
    elif happened < current.started - idle:
        return sessions  # it arrived late and belongs to an earlier visit
    return {**sessions, channel: _continued(current, interaction, definition)}


def _continued(session: Session, interaction: Interaction, definition: Definition) -> Session:
    last = max(session.last, interaction.at_ms)
    features = definition.session_features_of.get(interaction.type, ())
    return replace(
        session,
        started=min(session.started, interaction.at_ms),
        last=last,
        ended=session.ended if last == session.last else None,  # what arrived late may prolong its session
        interactions=session.interactions + 1,
        features=_features(session.features, features, interaction, last),
    )


def _ended(sessions: Mapping[str, Session], interaction: Interaction, definition: Definition) -> dict[str, Session]:
    """A timer may have been overtaken by one more interaction: then the session goes on."""
    kind, _, channel = interaction.data["timer"].partition(":")
    session = sessions.get(channel) if kind == SESSION_TIMER else None
    idle = session is not None and interaction.at_ms - session.last >= definition.session_idle_ms
    if session is None or session.ended is not None or not idle:
        return dict(sessions)
    return {**sessions, channel: replace(session, ended=interaction.at_ms)}
