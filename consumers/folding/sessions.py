"""Visits: their timers, and the one interaction that sums each of them up when it has ended."""

from typing import Any

from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles.facts import Situation
from profiles.profile import Profile, Session
from profiles.sessions import SESSION_TIMER, just_ended
from schemas.base import rfc3339
from schemas.interaction import SESSION_ENDED, TIMER_FIRED, Interaction

SOURCE = "opportune/sessions"
IDLE = "idle"
"""What ended a visit that no interaction has ended."""


def summaries(step: Step, folded: Profile, interaction: Interaction, policy: LivePolicy) -> list[Interaction]:
    """The summary of the visit that an interaction or a timer has ended; nothing if it has ended none.

    A visit ends once, and its summary is committed with its end. Its id names subject, channel, start and end: two
    visits of a channel never end at the same time. Where somebody has several identifiers, `visits.py` sums up.
    """
    if step.identity.owner is not None or step.profile.visits:
        return []
    channel = interaction.data["timer"].partition(":")[2] if interaction.type == TIMER_FIRED else interaction.channel
    earlier, now = step.profile.sessions.get(channel), folded.sessions.get(channel)
    if earlier is None or earlier is now:
        return []
    ended = just_ended(earlier, now, interaction.at_ms, policy.definition.session_idle_ms)
    if ended is None:
        return []
    profile = folded if ended is now else step.profile  # a new visit is no part of the old one
    return [summary(step.subject, profile, channel, ended, policy)]


def summary(subject: str, profile: Profile, channel: str, session: Session, policy: LivePolicy) -> Interaction:
    """A visit as it was when it ended; it ended with its last interaction, or with the one that ended it."""
    at_ms = end_of(session)
    return Interaction(
        id=f"{channel}@{session.started}-{at_ms}",
        source=SOURCE,
        type=SESSION_ENDED,
        subject=subject,
        channel=channel,
        at_ms=at_ms,
        data=_data(subject, profile, channel, session, policy),
    )


def _data(subject: str, profile: Profile, channel: str, session: Session, policy: LivePolicy) -> dict[str, Any]:
    purpose = purpose_of(subject, profile, channel, session, policy, end_of(session))
    return {
        **_features(session, policy),
        "started": rfc3339(session.started),
        "length_s": session.length_ms / 1000,
        "interactions": session.interactions,
        "ended_by": session.ended_by or IDLE,
        **({} if purpose is None else {"purpose": purpose}),
    }


def end_of(session: Session) -> int:
    """When a visit that is over ended, in event time."""
    return session.ended if session.ended is not None and session.ended_by else session.last


def purpose_of(
    subject: str, profile: Profile, channel: str, session: Session, policy: LivePolicy, now_ms: int
) -> str | None:
    """What a visit is for, or was for when it ended."""
    classes = policy.ruleset.classes
    if not classes.purposes:
        return None
    return classes.purpose(policy.purpose_facts.read(Situation(subject, profile, channel, now_ms, visit=session)))


def _features(session: Session, policy: LivePolicy) -> dict[str, Any]:
    definition, found = policy.definition, {}
    for name in sorted(definition.session_travelling):
        feature = definition.session_features[name]
        value = feature.read(session.features.get(feature.key), end_of(session))
        if value is not None:
            found[name] = rfc3339(value) if feature.value_type == "timestamp" else value
    return found


def set_timer(step: Step, before: Profile, interaction: Interaction, policy: LivePolicy) -> None:
    """The timer that ends the visit, moved with its last interaction and cancelled with its end."""
    channel = interaction.channel
    session, earlier = step.profile.sessions.get(channel), before.sessions.get(channel)
    if session is None or session is earlier:
        return
    if session.ended is not None:
        step.timers[f"{SESSION_TIMER}:{channel}"] = None
    elif earlier is None or session.last != earlier.last:
        step.timers[f"{SESSION_TIMER}:{channel}"] = session.last + policy.definition.session_idle_ms
