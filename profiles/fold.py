"""`fold`: what one interaction makes of a profile. Pure: the same interaction gives the same profile, whoever
folds it and whenever."""

from hashlib import blake2b
from typing import Any

from msgspec.structs import replace

from profiles.definition import KEPT_IDENTITIES, Definition
from profiles.features import FeatureDefinition
from profiles.profile import Profile, Session
from profiles.recent import with_one_more
from profiles.sessions import continued, joined, timed_out
from profiles.tags import tagged
from schemas.interaction import OUR_OWN, TIMER_FIRED, Interaction

IDENTITY_CHARACTERS = 7
READABLE = bytes(each for each in range(33, 127) if each not in b'"\\')
"""What stands in JSON as it is: 92 characters."""
SPELT = bytes(READABLE[each % len(READABLE)] for each in range(256))


def identity_hash(identity: str) -> str:
    """Seven characters that stand for an identity within one profile: two are the same by chance once in 5e13, which
    is 45 bits."""
    return blake2b(identity.encode(), digest_size=IDENTITY_CHARACTERS).digest().translate(SPELT).decode()


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
    """The profile with the interaction in it. One from outside that it has already seen changes nothing; what
    Opportune says itself it says once, and the log's mark tells whether it is folded."""
    if interaction.type in OUR_OWN:
        return _own(profile, interaction, definition)
    seen, identity = profile.seen, identity_hash(interaction.identity)
    if has_seen(seen, identity):
        return profile
    happened, first, last = interaction.at_ms, profile.first, profile.last
    folded = replace(
        profile,
        features=_folded_features(profile, interaction, definition),
        sessions=_sessions(profile.sessions, interaction, definition),
        latest=with_one_more(profile.latest, interaction, last),
        first=happened if first is None or happened < first else first,
        last=happened if last is None or happened > last else last,
        seen=seeing(seen, identity),
    )
    return _with_statements(folded, interaction, definition) if interaction.type in definition.stating else folded


def _own(profile: Profile, interaction: Interaction, definition: Definition) -> Profile:
    """What Opportune says is no sign of life: it is counted, and none of the customer's latest interactions."""
    if interaction.type == TIMER_FIRED:
        return replace(profile, sessions=timed_out(profile.sessions, interaction, definition))
    return replace(profile, features=_folded_features(profile, interaction, definition))


def _with_statements(profile: Profile, interaction: Interaction, definition: Definition) -> Profile:
    """With the attributes and tags that the interaction says."""
    stated, tags = _stated(profile, interaction, definition), tagged(profile.tags, interaction)
    if not stated:
        return replace(profile, tags=tags)
    set_at = {**profile.set_at, **dict.fromkeys(stated, interaction.at_ms)}
    return replace(profile, tags=tags, attributes={**profile.attributes, **stated}, set_at=set_at)


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


def _folded_features(profile: Profile, interaction: Interaction, definition: Definition) -> dict[str, Any]:
    features = definition.features_of.get(interaction.type)
    if features is None:
        return profile.features
    last, happened = profile.last, interaction.at_ms
    newest = happened if last is None or happened > last else last
    states = _features(profile.features, features, interaction, newest)
    return states if len(states) <= len(definition.features) else _without_strays(states, definition)


def _features(
    states: dict[str, Any],
    features: tuple[FeatureDefinition, ...],
    interaction: Interaction,
    newest_ms: int,
) -> dict[str, Any]:
    changed = dict(states)
    for feature in features:
        state = feature.after(states.get(feature.key), interaction, newest_ms)
        if state is not None:
            changed[feature.key] = state
    return changed


def _without_strays(states: dict[str, Any], definition: Definition) -> dict[str, Any]:
    """Without what earlier policies defined otherwise, once there is more than this one defines."""
    keys = {each.key for each in definition.features.values()}
    return {key: state for key, state in states.items() if key in keys}


def _sessions(sessions: dict[str, Session], interaction: Interaction, definition: Definition) -> dict[str, Session]:
    channel = interaction.channel
    session = joined(sessions.get(channel), interaction, definition) if channel else None
    if session is None:
        return sessions
    features, aggregates = session.features, definition.session_features_of.get(interaction.type)
    if aggregates:
        features = _features(features, aggregates, interaction, max(session.last, interaction.at_ms))
    return {**sessions, channel: continued(session, interaction, features, definition)}
