"""Decisions and responses: the ledger, and what the scorecard counts."""

from datetime import datetime

from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import ledger as ledgers
from schemas.base import at_ms
from schemas.decision import DecisionRecord
from schemas.response import ResponseRecord


def fold_decision(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Confirms the reservations of a decision. Raises ValidationError."""
    decision = DecisionRecord.model_validate_json(record.body)
    decided_ms = at_ms(datetime.fromisoformat(decision.at))
    step.ledger, counts = ledgers.fold_decision(step.ledger, decision, decided_ms, policy.definition)
    step.counts.update(counts)


def fold_response(step: Step, record: LogRecord, _: LivePolicy) -> None:
    """Raises ValidationError and UnknownCode."""
    response = ResponseRecord.model_validate_json(record.body)
    step.ledger, counts = ledgers.fold_response(step.ledger, response)
    step.counts.update(counts)
