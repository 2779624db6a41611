"""What a customer's new log records make of that customer."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from consumers.folding import erasure, interactions, ledgers
from consumers.folding.dead_letters import dead_letter, why_dead
from consumers.folding.step import Step
from consumers.guarded_batch import POSITION
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.meter import Meter
from profiles.errors import BadFields
from profiles.profile import Customer
from profiles.store import Commit

log = logging.getLogger(__name__)

STRANGER_MS = 86_400_000
"""How long the mark of a stranger is kept, so that a replay counts nothing twice."""

Handler = Callable[[Step, LogRecord, LivePolicy], None]
HANDLERS: Mapping[str, Handler] = {
    "interactions": interactions.fold_record,
    "decisions": ledgers.fold_decision,
    "responses": ledgers.fold_response,
    "erasures": erasure.fold_erasure,
}


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
            ledger=None if step.ledger is customer.ledger or erasure.leaves_no_ledger(step) else step.ledger,
            ttl_ms=erasure.kept_ms(step, STRANGER_MS) if step.is_stranger() else None,
            records=step.records,
            timers=step.timers,
            counts=step.counts,
            erasures=step.erasures,
            passed_over=step.passed_over,
        )

    def _fold(self, step: Step, record: LogRecord) -> None:
        if erasure.passed_over(step, record):
            return
        try:
            handler_of(record)(step, record, self.policy)
        except Exception as cause:  # noqa: BLE001  one record must never stop a partition
            reason, detail = why_dead(cause)
            self.meter.count("worker_dead_letters", reason=reason)
            log.warning("dead letter", extra={"reason": reason, "topic": record.topic, "offset": record.offset})
            step.records.append(dead_letter(record, reason, detail))


def handler_of(record: LogRecord) -> Handler:
    """Raises BadFields."""
    if record.topic not in HANDLERS:
        raise BadFields(f"there is no topic `{record.topic}` to fold")
    return HANDLERS[record.topic]
