"""`fold`: what one interaction makes of a profile. Pure: the same interaction gives the same profile, whoever
folds it and whenever."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from profiles.definition import KEPT_IDENTITIES, KEPT_INTERACTIONS, Definition
from profiles.features import FeatureDefinition
from profiles.profile import Profile, Session
from schemas.interaction import SESSION_ENDED, Interaction

IDENTITY_CHARACTERS = 8


def identity_hash(interaction: Interaction) -> str:
    """Eight characters (48 bits) that stand for the identity of an interaction within one profile."""
    return urlsafe_b64encode(blake2b(interaction.identity.encode(), digest_size=6).digest()).decode()


def has_seen(seen: str, identity: str) -> bool:
    at = seen.find(identity)
    while at % IDENTITY_CHARACTERS and at >= 0:  # found across two others
        at = seen.find(identity, at + 1)
    return at >= 0


def fold(profile: Profile, interaction: Interaction, definition: Definition) -> Profile:
    """The profile with the interaction in it. One that it has already seen changes nothing."""
    identity = identity_hash(interaction)
    if has_seen(profile.seen, identity):
        return profile
    seen = (profile.seen + identity)[-KEPT_IDENTITIES * IDENTITY_CHARACTERS :]
    if interaction.type == SESSION_ENDED:
        return replace(profile, seen=seen, sessions=_ended(profile.sessions, interaction, definition))
    at_ms = interaction.at_ms
    newest = max(at_ms, profile.last or at_ms)
    stated = _stated(profile, interaction, definition)
    return replace(
        profile,
        attributes={**profile.attributes, **stated},
        set_at={**profile.set_at, **dict.fromkeys(stated, at_ms)},
        features=_features(profile.features, definition.features_of.get(interaction.type, ()), interaction, newest),
        sessions=_sessions(profile.sessions, interaction, definition),
        recent=_recent(profile.recent, interaction),
        first=min(at_ms, profile.first or at_ms),
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
        value = event_value(interaction, feature.field) if feature.field else 1
        if value is not None:
            changed[feature.name] = feature.add(states.get(feature.name), value, interaction.at_ms, newest_ms)
    return changed


def _recent(
    recent: tuple[tuple[int, str, str, str], ...], interaction: Interaction
) -> tuple[tuple[int, str, str, str], ...]:
    entry = (interaction.at_ms, interaction.type, interaction.channel, interaction.source)
    if not recent or entry[0] >= recent[0][0]:
        return (entry, *recent[: KEPT_INTERACTIONS - 1])
    return tuple(sorted((entry, *recent), key=lambda each: -each[0])[:KEPT_INTERACTIONS])


def _sessions(sessions: dict[str, Session], interaction: Interaction, definition: Definition) -> dict[str, Session]:
    channel, at_ms, idle = interaction.channel, interaction.at_ms, definition.session_idle_ms
    current = sessions.get(channel)
    if current is None or at_ms - current.last > idle:
        current = Session(started=at_ms, last=at_ms, interactions=0)
    elif at_ms < current.started - idle:
        return sessions  # it arrived late and belongs to an earlier visit
    return {**sessions, channel: _continued(current, interaction, definition)}


def _continued(session: Session, interaction: Interaction, definition: Definition) -> Session:
    last = max(session.last, interaction.at_ms)
    features = definition.session_features_of.get(interaction.type, ())
    return replace(
        session,
        started=min(session.started, interaction.at_ms),
        last=last,
        ended=None,  # what arrived late goes on with the session it belongs to
        interactions=session.interactions + 1,
        features=_features(session.features, features, interaction, last),
    )


def _ended(sessions: Mapping[str, Session], interaction: Interaction, definition: Definition) -> dict[str, Session]:
    """A timer may have been overtaken by one more interaction: then the session goes on."""
    session = sessions.get(interaction.channel)
    idle = session is not None and interaction.at_ms - session.last >= definition.session_idle_ms
    if session is None or session.ended is not None or not idle:
        return dict(sessions)
    return {**sessions, interaction.channel: replace(session, ended=interaction.at_ms)}
