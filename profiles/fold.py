"""`fold`: what one interaction makes of a profile. Pure: the same interaction gives the same profile, whoever
folds it and whenever."""

from typing import Any

from msgspec.structs import replace

from profiles.aggregates import digest
from profiles.definition import KEPT_IDENTITIES, KEPT_INTERACTIONS, Definition
from profiles.features import FeatureDefinition
from profiles.profile import Profile, Session
from profiles.sessions import continued, joined, timed_out
from profiles.tags import tagged
from schemas.interaction import OUR_OWN, TIMER_FIRED, Interaction

IDENTITY_CHARACTERS = 8


def identity_hash(interaction: Interaction) -> str:
    """Eight characters (48 bits) that stand for the identity of an interaction within one profile."""
    return digest(interaction.identity)


def has_seen(seen: str, identity: str) -> bool:
    at = seen.find(identity)
    while at % IDENTITY_CHARACTERS and at >= 0:  # found across two others
        at = seen.find(identity, at + 1)
    return at >= 0


def seeing(seen: str, identity: str) -> str:
    """With one more; the latest are kept."""
    return (seen + identity)[-KEPT_IDENTITIES * IDENTITY_CHARACTERS :]


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
    seen = seeing(profile.seen, identity)
    if interaction.type == TIMER_FIRED:
        return replace(profile, seen=seen, sessions=timed_out(profile.sessions, interaction, definition))
    newest = max(interaction.at_ms, profile.last or 0)
    features = _features(profile.features, definition.features_of.get(interaction.type, ()), interaction, newest)
    seen_now = {} if interaction.type in OUR_OWN else _seen_by(profile, interaction, definition)
    return replace(
        profile,
        features=_without_strays(features, definition),
        recent=_recent(profile.recent, interaction),
        seen=seen,
        **seen_now,
    )


def _seen_by(profile: Profile, interaction: Interaction, definition: Definition) -> dict[str, Any]:
    """What an interaction from outside changes besides: somebody was seen, and perhaps said something."""
    happened = interaction.at_ms
    stated = _stated(profile, interaction, definition)
    return {
        "attributes": {**profile.attributes, **stated} if stated else profile.attributes,
        "set_at": {**profile.set_at, **dict.fromkeys(stated, happened)} if stated else profile.set_at,
        "tags": tagged(profile.tags, interaction),
        "sessions": _sessions(profile.sessions, interaction, definition),
        "first": min(happened, profile.first or happened),
        "last": max(happened, profile.last or happened),
    }


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
    if declared is None or not declared.sets:
        return {}
    return {
        name: interaction.data[name]
        for name in declared.sets
        if name in interaction.data and interaction.at_ms >= profile.set_at.get(name, interaction.at_ms)
    }


def _features(
    states: dict[str, Any],
    features: tuple[FeatureDefinition, ...],
    interaction: Interaction,
    newest_ms: int,
) -> dict[str, Any]:
    if not features:
        return states
    changed = dict(states)
    for feature in features:
        state = feature.after(states.get(feature.key), interaction, newest_ms)
        if state is not None:
            changed[feature.key] = state
    return changed


def _without_strays(states: dict[str, Any], definition: Definition) -> dict[str, Any]:
    """Without what earlier policies defined otherwise, once there is more than this one defines."""
    if len(states) <= len(definition.features):
        return states
    keys = {each.key for each in definition.features.values()}
    return {key: state for key, state in states.items() if key in keys}


def _recent(
    recent: tuple[tuple[int, str, str, str], ...], interaction: Interaction
) -> tuple[tuple[int, str, str, str], ...]:
    entry = (interaction.at_ms, interaction.type, interaction.channel, interaction.source)
    if not recent or entry > recent[0]:
        return (entry, *recent[: KEPT_INTERACTIONS - 1])
    return tuple(sorted((entry, *recent), reverse=True)[:KEPT_INTERACTIONS])


def _sessions(sessions: dict[str, Session], interaction: Interaction, definition: Definition) -> dict[str, Session]:
    channel = interaction.channel
    session = joined(sessions.get(channel), interaction, definition) if channel else None
    if session is None:
        return sessions
    aggregates = definition.session_features_of.get(interaction.type, ())
    newest = max(session.last, interaction.at_ms)
    features = _features(session.features, aggregates, interaction, newest)
    return {**sessions, channel: continued(session, interaction, features, definition)}
