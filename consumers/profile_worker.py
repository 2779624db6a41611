"""The profile worker's judgement: what a customer's new log records make of that customer. Pure.

    interactions → profile, session timer, proposals of the rules they fire
    decisions    → ledger: reservations confirmed
    responses    → ledger: outcomes

A record that cannot be folded goes to the dead letters with the reason and the original bytes; the rest of the
batch goes on.
"""

import base64
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from msgspec.structs import replace
from pydantic import ValidationError

from consumers.guarded_batch import POSITION
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.meter import Meter
from profiles import ledger as ledgers
from profiles.errors import BadFields
from profiles.facts import Situation
from profiles.fold import fold, not_after
from profiles.ledger import Counts, UnknownCode
from profiles.profile import Customer, Profile
from profiles.store import Commit, Record
from schemas.base import at_ms
from schemas.decision import DecisionRecord
from schemas.interaction import SESSION_ENDED, Interaction
from schemas.ledger import Ledger
from schemas.logged import read_interaction
from schemas.response import ResponseRecord

log = logging.getLogger(__name__)

CLOCK_NOISE_MS = 1_000
"""An event may be ahead of the log's clock by so much before it is counted as one from the future."""


@dataclass(slots=True)
class Step:
    """One customer on the way from record to record."""

    subject: str
    profile: Profile
    ledger: Ledger
    timers: dict[str, int | None] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counter)
    dead: list[Record] = field(default_factory=list)
    early: int = 0
    """Interactions that said they happened after they arrived."""

    def is_stranger(self) -> bool:
        """Somebody of whom nothing is known but that we were asked about them."""
        return self.profile.first is None and not self.ledger.entries


STRANGER_MS = 86_400_000
"""How long the mark of a stranger is kept, so that a replay counts nothing twice."""

Handler = Callable[[Step, LogRecord, LivePolicy], None]


@dataclass(frozen=True, slots=True)
class ProfileFold:
    """Folds with one policy revision."""

    policy: LivePolicy
    meter: Meter

    def __call__(self, customer: Customer, records: Sequence[LogRecord]) -> Commit:
        mark = customer.profile.marks.get(POSITION, 0)
        new = [record for record in records if record.offset > mark]
        if not new:
            return Commit(customer.subject, expected=None)
        step = Step(customer.subject, customer.profile, customer.ledger)
        for record in new:
            self._fold(step, record)
        if step.early:
            self.meter.count("worker_future_events", step.early)
        marks = {**step.profile.marks, POSITION: new[-1].offset}
        return Commit(
            subject=customer.subject,
            expected=customer.version,
            profile=replace(step.profile, marks=marks),
            ledger=None if step.ledger is customer.ledger else step.ledger,
            ttl_ms=STRANGER_MS if step.is_stranger() else None,
            records=step.dead,
            timers=step.timers,
            counts=step.counts,
        )

    def _fold(self, step: Step, record: LogRecord) -> None:
        try:
            handler_of(record)(step, record, self.policy)
        except Exception as cause:  # noqa: BLE001  one record must never stop a partition
            reason, detail = why_dead(cause)
            self.meter.count("worker_dead_letters", reason=reason)
            log.warning("dead letter", extra={"reason": reason, "topic": record.topic, "offset": record.offset})
            step.dead.append(dead_letter(record, reason, detail))


def _interaction(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    event = read_interaction(record.body, record.at_ms)
    typed = event if event.policy is not None else policy.definition.typed(event)
    timely = not_after(record.at_ms, typed)
    if event.at_ms - timely.at_ms > CLOCK_NOISE_MS:
        step.early += 1
    fold_interaction(step, timely, policy)


def fold_interaction(step: Step, interaction: Interaction, policy: LivePolicy) -> None:
    """One typed interaction: profile, session timer, scorecard count, and what the rules propose."""
    before, folded = step.profile, fold(step.profile, interaction, policy.definition)
    if folded is before:
        return
    if interaction.type == SESSION_ENDED:
        step.profile = folded
        return
    proposals = policy.ruleset.proposals(event_facts(before, folded, interaction, policy), interaction.at_ms)
    # from here on nothing can fail: a record is folded whole or not at all
    step.profile = folded
    _count_interaction(step, interaction)
    session, earlier = folded.sessions.get(interaction.channel), before.sessions.get(interaction.channel)
    if session is not None and (earlier is None or session.last != earlier.last):
        step.timers[f"session:{interaction.channel}"] = session.last + policy.definition.session_idle_ms
    if proposals:
        newest_ms = max(interaction.at_ms, folded.last or interaction.at_ms)
        step.ledger = ledgers.proposed(step.ledger, proposals, newest_ms)


def event_facts(before: Profile, after: Profile, interaction: Interaction, policy: LivePolicy) -> Mapping[str, Any]:
    """What rules see when an interaction fires them; nothing where no rule listens."""
    if interaction.type not in policy.ruleset.rules_of:
        return {}
    channel, at_ms = interaction.channel, interaction.at_ms
    situation = Situation(interaction.subject, after, channel, at_ms, interaction, before=before)
    return policy.ruleset.classified(policy.facts.read(situation))


def _count_interaction(step: Step, interaction: Interaction) -> None:
    day = ledgers.day(interaction.at_ms)
    step.counts[f"{day}|interactions|{interaction.type}|{interaction.channel}"] += 1


def _decision(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    decision = DecisionRecord.model_validate_json(record.body)
    decided_ms = at_ms(datetime.fromisoformat(decision.at))
    step.ledger, counts = ledgers.fold_decision(step.ledger, decision, decided_ms, policy.definition)
    step.counts.update(counts)


def _response(step: Step, record: LogRecord, _: LivePolicy) -> None:
    response = ResponseRecord.model_validate_json(record.body)
    step.ledger, counts = ledgers.fold_response(step.ledger, response)
    step.counts.update(counts)


HANDLERS: Mapping[str, Handler] = {
    "interactions": _interaction,
    "decisions": _decision,
    "responses": _response,
}


def handler_of(record: LogRecord) -> Handler:
    """Raises BadFields."""
    if record.topic not in HANDLERS:
        raise BadFields(f"there is no topic `{record.topic}` to fold")
    return HANDLERS[record.topic]


def why_dead(cause: Exception) -> tuple[str, str]:
    """A stable reason and the error itself."""
    match cause:
        case ValidationError():
            return "undecodable", "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in cause.errors()
            )
        case BadFields():
            return "ill_typed", cause.reason
        case UnknownCode():
            return "unknown_code", f"no treatment with the code {cause} in the ledger"
        case _:
            return "fold_failed", f"{type(cause).__name__}: {cause}"


def dead_letter(record: LogRecord, reason: str, detail: str) -> Record:
    body = {
        "reason": reason,
        "error": detail,
        "topic": record.topic,
        "offset": record.offset,
        "original": base64.b64encode(record.body).decode(),
    }
    return Record("dead-letters", record.id, record.subject, orjson.dumps(body))
