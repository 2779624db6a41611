"""Decisions and responses: the ledger, what the scorecard counts, and until when an answer is awaited."""

from datetime import datetime

from msgspec.structs import replace

from consumers.dead_letters import decoded
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import handing, holds, no_response
from profiles import ledger as ledgers
from profiles.decided import Kept, found_again
from profiles.fold import has_seen, identity_hash, seeing
from schemas.base import at_ms
from schemas.decision import DecisionRecord
from schemas.interaction import Interaction
from schemas.response import ResponseRecord


def fold_decision(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Confirms the reservations of a decision; one that comes again changes nothing. Raises Undecodable."""
    decision = decoded(DecisionRecord.model_validate_json, record.body)
    if _is_known(step, decision):
        return
    decided_ms = at_ms(datetime.fromisoformat(decision.at))
    _find_again(step, decision, decided_ms, record.body, policy)
    folded, counts = ledgers.fold_decision(step.ledger, decision, decided_ms, policy.definition)
    step.moves += holds.kept(step.ledger, folded)
    step.ledger, timers = no_response.awaited(step.ledger, folded, policy.definition)
    step.counts.update(counts)
    step.timers.update(timers)


def _find_again(step: Step, decision: DecisionRecord, decided_ms: int, body: bytes, policy: LivePolicy) -> None:
    """Where Redis has lost the commit that made the decision, and with it the reservations, its codes are known no more
    either: whoever answers it now would speak of nothing."""
    if any(each.decision == decision.decision for each in step.ledger.entries):
        return
    if entries := ledgers.entries_of(decision, decided_ms, policy.definition):
        kept = Kept(step.around.shard, step.around.decision_keep_ms, policy.definition)
        step.new_keys += found_again(entries, decision.decision, body, step.subject, kept)


def _is_known(step: Step, decision: DecisionRecord) -> bool:
    """By the entries of what it chose; where it chose nothing, by what the profile has seen, in which it is now."""
    if decision.treatments or decision.withheld:
        return any(each.logged and each.decision == decision.decision for each in step.ledger.entries)
    identity = identity_hash(f"decisions#{decision.decision}")
    if has_seen(step.profile.seen, identity):
        return True
    step.profile = replace(step.profile, seen=seeing(step.profile.seen, identity))
    return False


def fold_response(step: Step, record: LogRecord, policy: LivePolicy) -> None:
    """Raises Undecodable and UnknownCode."""
    response = _found(step, decoded(ResponseRecord.model_validate_json, record.body))
    before = step.ledger
    folded, counts = ledgers.fold_response(before, response)
    step.ledger = folded
    step.counts.update(counts)
    step.moves += holds.answered(before, folded, [response.code], policy.definition)
    for code in handing.codes(folded, response.code):
        step.ledger, withdrawn, timers = no_response.answered(step.ledger, code, policy.definition)
        step.counts.update(withdrawn)
        step.timers.update(timers)


def _found(step: Step, response: ResponseRecord) -> ResponseRecord:
    """With the response code, where it came with the code of a cell. Raises UnknownCode."""
    if response.cell is None:
        return response
    entry = ledgers.decided_in(step.ledger, response.cell, response.at_ms)
    if entry is None:
        raise ledgers.UnknownCode(f"of the cell {'/'.join(response.cell)}")
    return response.model_copy(update={"code": entry.code, "decision": entry.decision})


def no_response_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    """No answer has come in time."""
    code = fired.data["timer"].partition(":")[2]
    before = step.ledger
    step.ledger, counts = no_response.fired(before, code, fired.at_ms, policy.definition)
    step.moves += holds.answered(before, step.ledger, [code], policy.definition)
    step.counts.update(counts)
