"""Decisions and responses: the ledger, what the scorecard counts, and until when an answer is awaited."""

from datetime import datetime

from msgspec.structs import replace

from consumers.dead_letters import decoded
from consumers.folding.identities import pass_answer
from consumers.folding.sessions import IDLE
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
    response = decoded(ResponseRecord.model_validate_json, record.body)
    if response.cell is None:
        fold_answer(step, response, policy)
        return
    under, known = _found(step, response, response.cell)
    if under == step.subject:
        fold_answer(step, known, policy)
    else:
        pass_answer(step, under, known)


def fold_answer(step: Step, response: ResponseRecord, policy: LivePolicy) -> None:
    """Of something decided under this identifier. Raises UnknownCode."""
    before = step.ledger
    folded, counts = ledgers.fold_response(before, response)
    step.ledger = folded
    step.counts.update(counts)
    step.moves += holds.answered(before, folded, [response.code], policy.definition)
    for code in handing.codes(folded, response.code):
        step.ledger, withdrawn, timers = no_response.answered(step.ledger, code, policy.definition)
        step.counts.update(withdrawn)
        step.timers.update(timers)


def _found(step: Step, response: ResponseRecord, cell: tuple[str, str, str]) -> tuple[str, ResponseRecord]:
    """With the response code that the code of a cell stands for, of all that was decided for the customer under any
    identifier, and that identifier. Raises UnknownCode."""
    known = {step.subject: step.ledger, **{name: part.ledger for name, part in step.identity.others().items()}}
    made = {name: ledgers.decided_in(each, cell, response.at_ms) for name, each in known.items()}
    found = [(name, entry) for name, entry in made.items() if entry is not None]
    if not found:
        raise ledgers.UnknownCode(f"of the cell {'/'.join(cell)}")
    under, entry = max(found, key=lambda each: each[1].at_ms)
    return under, response.model_copy(update={"code": entry.code, "decision": entry.decision, "cell": None})


def visit_ended(step: Step, summary: Interaction, policy: LivePolicy) -> None:
    """What was decided in the visit and never presented. It is folded with the visit's one summary, so it happens once.

    As of interactions (profiles/sessions.py), what came before the first by less than the idle time is of the visit,
    and where idle time has ended it, what came after the last."""
    definition = policy.definition
    if summary.channel not in definition.not_presented:
        return
    idle_ms = definition.session_idle_ms
    began_ms = at_ms(datetime.fromisoformat(summary.data["started"])) - idle_ms
    over_ms = summary.at_ms + (idle_ms if summary.data["ended_by"] == IDLE else 0)
    before = step.ledger
    visit = (began_ms, over_ms)
    step.ledger, counts = no_response.visit_ended(before, visit, summary.at_ms, summary.channel, definition)
    step.counts.update(counts)
    step.moves += holds.answered(before, step.ledger, [each.code for each in step.ledger.entries], definition)


def no_response_fired(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    """No answer has come in time."""
    code = fired.data["timer"].partition(":")[2]
    before = step.ledger
    step.ledger, counts = no_response.fired(before, code, fired.at_ms, policy.definition)
    step.moves += holds.answered(before, step.ledger, [code], policy.definition)
    step.counts.update(counts)
