"""The view of one customer: profile, sessions, ledger, the latest interactions over all touchpoints.

Whoever belongs to a customer is shown as that customer.
"""

from datetime import datetime

from app.policy import required
from consumers.folding.sessions import IDLE, end_of, purpose_of
from consumers.live import LivePolicy, PolicySource
from profiles.facts import Situation, read_feature
from profiles.people import People, Person
from profiles.profile import Profile, Session
from profiles.store import CustomerStore
from profiles.tags import held
from schemas.base import at_ms, rfc3339
from schemas.identity import fields_of
from schemas.ledger import Ledger
from schemas.profile import CustomerView, RecentInteraction, SessionView, StageEntered


class Customers:
    def __init__(self, store: CustomerStore, policies: PolicySource) -> None:
        self._people = People(store)
        self._policies = policies

    async def view(self, subject: str, now: datetime) -> CustomerView | None:
        """None for somebody never seen. Raises NoPolicy and StoreUnavailable."""
        policy = required(self._policies)
        person = await self._people.read([subject], policy.definition)
        return view_of(person, policy, at_ms(now)) if person.is_known else None


def view_of(person: Person, policy: LivePolicy, now_ms: int) -> CustomerView:
    definition = policy.definition
    profile = person.profile(definition)
    values = policy.ruleset.classified(policy.facts.read(Situation(person.subject, profile, "", now_ms)))
    return CustomerView(
        **fields_of(person.subject),
        belonging=tuple(person.others),
        version=int(person.top.version.partition("-")[0]),
        first_seen=_time(profile.first),
        last_seen=_time(profile.last),
        attributes=profile.attributes,
        features={
            name: value
            for name, feature in definition.features.items()
            if (value := read_feature(feature, profile.features, now_ms)) is not None
        },
        tags=tuple(held(profile.tags)),
        scores={
            name: values[f"customer.{name}"] for name in policy.ruleset.classes.scores if f"customer.{name}" in values
        },
        segments=tuple(values["customer.segments"]),
        stage=values.get("customer.stage"),
        stage_since=_time(at_ms(values["customer.stage_since"]) if "customer.stage_since" in values else None),
        stages=tuple(StageEntered(stage=stage, at=rfc3339(at)) for stage, at in profile.stages),
        sessions=tuple(
            _session(name, each, person.subject, profile, policy, now_ms) for name, each in profile.sessions.items()
        ),
        recent=tuple(
            RecentInteraction(at=rfc3339(at), type=kind, channel=channel, source=source)
            for at, kind, channel, source in profile.recent
        ),
        ledger=_ledger(person.ledger()),
    )


def _session(
    channel: str, session: Session, subject: str, profile: Profile, policy: LivePolicy, now_ms: int
) -> SessionView:
    definition = policy.definition
    is_open = session.open_at(now_ms, definition.session_idle_ms)
    judged_ms = now_ms if is_open else end_of(session)
    return SessionView(
        channel=channel,
        started=rfc3339(session.started),
        last=rfc3339(session.last),
        length_s=session.length_ms / 1000,
        interactions=session.interactions,
        open=is_open,
        ended=None if is_open else rfc3339(end_of(session)),
        ended_by=None if is_open else session.ended_by or IDLE,
        purpose=purpose_of(subject, profile, channel, session, policy, judged_ms),
        features={
            name: value
            for name, feature in definition.session_features.items()
            if (value := read_feature(feature, session.features, now_ms)) is not None
        },
    )


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _ledger(ledger: Ledger) -> dict[str, object]:
    found = ledger.as_json()
    for entry in found["entries"]:
        entry["at"] = rfc3339(entry.pop("at_ms"))
        entry["until"] = rfc3339(entry.pop("until_ms"))
        if "awaits_ms" in entry:
            entry["awaits"] = rfc3339(entry.pop("awaits_ms"))
        entry.pop("unanswered", None)
        outcomes = {**entry.pop("said", {}), **entry.get("outcomes", {})}
        entry["outcomes"] = {name: rfc3339(at) for name, at in outcomes.items()}
    for proposal in found["proposals"]:
        proposal["until"] = rfc3339(proposal.pop("until_ms"))
    return found
