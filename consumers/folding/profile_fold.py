"""What a customer's new log records make of that customer."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from consumers.dead_letters import of_the_fold, why_dead
from consumers.folding import erasure, goals, interactions, ledgers, parts
from consumers.folding.identities import send_parts
from consumers.folding.step import DAY_MS, Around, Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.meter import Meter, count_decision
from profiles.customer import Customer
from profiles.errors import BadFields, StoreUnavailable
from profiles.linking import Links
from profiles.log_stream import OUTBOX
from profiles.shelf import NO_STOCK, Shelf
from profiles.store import IDENTITIES, Commit, Record

log = logging.getLogger(__name__)

STRANGER_MS = 86_400_000
"""How long the mark of a stranger is kept, so that a replay counts nothing twice."""

MOST_PASSED_BYTES = 1 << 20
"""Of events, about, that an identifier passes on to its owner in one record: it must fit into its topic."""

Handler = Callable[[Step, LogRecord, LivePolicy], None]
HANDLERS: Mapping[str, Handler] = {
    "interactions": interactions.fold_record,
    "decisions": ledgers.fold_decision,
    "responses": ledgers.fold_response,
    IDENTITIES: parts.fold_record,
    "erasures": erasure.fold_erasure,
}


@dataclass(frozen=True, slots=True)
class ProfileFold:
    """Folds with one policy revision."""

    policy: LivePolicy
    meter: Meter
    decision_keep_ms: int = 30 * DAY_MS
    """How long the records of what is decided here stay in the store."""
    again: bool = False
    """Whether this is a rebuild."""
    mark: str = OUTBOX.position
    """Under which a profile says how far it has followed the log."""

    @property
    def shelf(self) -> Shelf | None:
        """What has to be known of stock: nothing, where nothing is decided here."""
        sends = any(act.message for rule in self.policy.ruleset.policy.rules for act in rule.act)
        return self.policy.shelf if sends and not self.again else None

    def __call__(
        self,
        customer: Customer,
        records: Sequence[LogRecord],
        shard: int = 0,
        salt: int = 0,
        stock: Mapping[str, int] = NO_STOCK,
    ) -> Commit:
        mark = customer.profile.marks.get(self.mark, 0)
        new = [record for record in records if record.offset > mark]
        if not new:
            return Commit(customer.subject, expected=None)
        around = Around(shard, salt, self.decision_keep_ms, self.again, stock=stock)
        dead: dict[int, Record] = {}
        left: set[str] = set()
        step = self._folded(customer, around, new, dead, left)
        while step is None:
            step = self._folded(customer, around, new, dead, left)
        if len(step.passed_over) == len(new):  # they go, and nobody needs to know how far they were followed
            return Commit(customer.subject, expected=customer.version, passed_over=step.passed_over)
        if step.identity.owner is not None:
            send_parts(step, step.identity.owner)
        self._measure(step)
        marks = {**step.profile.marks, self.mark: new[-1].offset}
        return Commit(
            subject=customer.subject,
            expected=customer.version,
            profile=replace(step.profile, marks=marks),
            ledger=None if step.ledger is customer.ledger or erasure.leaves_no_ledger(step) else step.ledger,
            identity=None if step.identity is customer.identity else step.identity,
            ttl_ms=erasure.kept_ms(step, STRANGER_MS) if step.is_stranger() else None,
            records=[*step.told, *step.records],
            timers=step.timers,
            counts=step.counts,
            new_keys=step.new_keys,
            erasures=[*step.erasures, *step.forgotten],
            passed_over=step.passed_over,
            links=Links(settled=step.settled) if step.settled else None,
            moves=() if self.again else step.moves,
        )

    def _folded(
        self, customer: Customer, around: Around, records: Sequence[LogRecord], dead: dict[int, Record], left: set[str]
    ) -> Step | None:
        """The step after all records. None if one failed half-way: it is among the dead now, or among what is left to
        its own record, and all is folded again without it, so that a record is folded whole or not at all."""
        step, size = Step.of(customer, around, left), 0
        for record in records:
            if size > MOST_PASSED_BYTES and step.passed and step.identity.owner is not None:
                send_parts(step, step.identity.owner)
                size = 0
            before = step.touched()
            if record.offset in dead:
                step.records.append(dead[record.offset])
            elif letter := self._failure(step, record):
                dead[record.offset] = letter
                if step.touched() != before:
                    return None
                step.records.append(letter)
            elif step.said and not self._folds_what_is_said(step, left):
                return None
            step.folded_to = record.offset
            size += len(record.body)
        return step

    def _failure(self, step: Step, record: LogRecord) -> Record | None:
        if erasure.passed_over(step, record):
            return None
        try:
            step.now_ms, step.offset = record.at_ms, record.offset
            handler_of(record)(step, record, self.policy)
            goals.judge(step, self.policy)
        except StoreUnavailable:
            raise  # trouble is never a dead letter: the partition waits
        except Exception as cause:  # noqa: BLE001  one record must never stop a partition
            return self._letter(step, record, cause)
        return None

    def _folds_what_is_said(self, step: Step, left: set[str]) -> bool:
        try:
            interactions.fold_said(step, self.policy)
            goals.judge(step, self.policy)
        except StoreUnavailable:
            raise
        except Exception as cause:  # noqa: BLE001  nor may what follows from a record make that a dead letter
            left.add(step.said[0].identity)
            log.warning("left to its own record", extra={"id": step.said[0].identity, "error": type(cause).__name__})
            return False
        return True

    def _letter(self, step: Step, record: LogRecord, cause: Exception) -> Record:
        reason, _ = why_dead(cause)
        self.meter.count("worker_dead_letters", reason=reason)
        where = {"reason": reason, "topic": record.topic, "offset": record.offset}
        # a traceback where it is a defect of ours; else the error is in the letter
        log.warning("dead letter", extra=where, exc_info=cause if reason == "fold_failed" else None)
        return of_the_fold(record, step.around.shard, cause)

    def _measure(self, step: Step) -> None:
        if step.early:
            self.meter.count("worker_future_events", step.early)
        if step.conflicts:
            self.meter.count("identity_conflicts", step.conflicts)
        if step.dropped:
            self.meter.count("timers_dropped", step.dropped)
        for kind in step.taken:
            self.meter.count("actions", kind=kind)
        for each in step.decided:
            count_decision(self.meter, each)


def handler_of(record: LogRecord) -> Handler:
    """Raises BadFields."""
    handler = HANDLERS.get(record.topic)
    if handler is None:
        raise BadFields(f"there is no topic `{record.topic}` to fold")
    return handler
