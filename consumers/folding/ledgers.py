"""Decisions and responses: the ledger, what the scorecard counts, and until when an answer is awaited."""

from datetime import datetime

from consumers.dead_letters import decoded
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import ledger as ledgers
from profiles import no_response
from schemas.base import at_ms
from schemas.decision import DecisionRecord
from schemas.interaction import Interaction
from schemas.response import ResponseRecord


def fold_decision(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Confirms the reservations of a decision. Raises Undecodable."""
    decision = decoded(DecisionRecord.model_validate_json, record.body)
    decided_ms = at_ms(datetime.fromisoformat(decision.at))
    folded, counts = ledgers.fold_decision(step.ledger, decision, decided_ms, policy.definition)
    step.ledger, timers = no_response.awaited(step.ledger, folded, policy.definition)
    step.counts.update(counts)
    step.timers.update(timers)


def fold_response(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises Undecodable and UnknownCode."""
    response = decoded(ResponseRecord.model_validate_json, record.body)
    folded, counts = ledgers.fold_response(step.ledger, response)
    step.ledger, withdrawn, timers = no_response.answered(folded, response.code, policy.definition)
    step.counts.update(counts)
    step.counts.update(withdrawn)
    step.timers.update(timers)


def no_response_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    """No answer has come in time."""
    code = fired.data["timer"].partition(":")[2]
    step.ledger, counts = no_response.fired(step.ledger, code, fired.at_ms, policy.definition)
    step.counts.update(counts)
