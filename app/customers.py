"""The view of one customer: profile, sessions, ledger, the latest interactions over all touchpoints."""

from datetime import datetime

from app.policy import required
from consumers.folding.sessions import IDLE, end_of, purpose_of
from consumers.live import LivePolicy, PolicySource
from profiles.facts import Situation, read_feature
from profiles.profile import Customer, Session
from profiles.store import CustomerStore
from profiles.tags import held
from schemas.base import at_ms, rfc3339
from schemas.profile import CustomerView, RecentInteraction, SessionView, StageEntered


class Customers:
    def __init__(self, store: CustomerStore, policies: PolicySource) -> None:
        self._store = store
        self._policies = policies

    async def view(self, subject: str, now: datetime) -> CustomerView | None:
        """None for somebody never seen. Raises NoPolicy and StoreUnavailable."""
        policy = required(self._policies)
        customer = await self._store.read(subject)
        known = customer.profile.first is not None or customer.ledger.entries
        return view_of(customer, policy, at_ms(now)) if known else None


def view_of(customer: Customer, policy: LivePolicy, now_ms: int) -> CustomerView:
    profile, definition = customer.profile, policy.definition
    kind, _, name = customer.subject.partition(":")
    values = policy.ruleset.classified(policy.facts.read(Situation(customer.subject, profile, "", now_ms)))
    return CustomerView(
        customer=name if kind == "customer" else None,
        visitor=name if kind == "visitor" else None,
        version=int(customer.version.partition("-")[0]),
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
        sessions=tuple(_session(name, each, customer, policy, now_ms) for name, each in profile.sessions.items()),
        recent=tuple(
            RecentInteraction(at=rfc3339(at), type=kind, channel=channel, source=source)
            for at, kind, channel, source in profile.recent
        ),
        ledger=_ledger(customer),
    )


def _session(channel: str, session: Session, customer: Customer, policy: LivePolicy, now_ms: int) -> SessionView:
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
        purpose=purpose_of(customer.subject, customer.profile, channel, session, policy, judged_ms),
        features={
            name: value
            for name, feature in definition.session_features.items()
            if (value := read_feature(feature, session.features, now_ms)) is not None
        },
    )


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _ledger(customer: Customer) -> dict[str, object]:
    found = customer.ledger.as_json()
    for entry in found["entries"]:
        entry["at"] = rfc3339(entry.pop("at_ms"))
        entry["until"] = rfc3339(entry.pop("until_ms"))
        outcomes = {**entry.pop("said", {}), **entry.get("outcomes", {})}
        entry["outcomes"] = {name: rfc3339(at) for name, at in outcomes.items()}
    for proposal in found["proposals"]:
        proposal["until"] = rfc3339(proposal.pop("until_ms"))
    return found
