"""Erasures: the customer becomes a tombstone, and what comes after starts afresh.

The handler forgets all that the step holds; the commit forgets the rest (`Commit.erasures`, lua/commit.lua): every
field of the customer's key, timers, decisions and codes. Other identifiers are told (`identities.forget`): those that
belong to the customer are erased in their turn, all others forget the name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from consumers.dead_letters import decoded
from consumers.folding.identities import forget
from consumers.folding.lifecycle import REVIEW_TIMER
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.redis_streams import stream_id
from profiles import no_response
from profiles.aggregates import digest
from profiles.erasure import ERASED, ERASED_MS, TOMBSTONE_MS
from profiles.holds import Act
from profiles.identity import NOBODY
from profiles.profile import Profile
from profiles.sessions import SESSION_TIMER
from profiles.store import IDENTITIES, Erasure
from schemas.base import at_ms
from schemas.erasure import ErasureRecord
from schemas.interaction import OUR_OWN
from schemas.ledger import Ledger

FOLLOWING = ("interactions", "decisions", "responses", IDENTITIES)
"""Topics of what Opportune itself says of a life, perhaps late."""


def fold_erasure(step: Step, record: LogRecord, _: LivePolicy) -> None:
    """A request that comes again, since a relay has sent it twice, must not erase what has been since. Raises
    Undecodable."""
    asked = decoded(ErasureRecord.model_validate_json, record.body)
    done = f"{ERASED}:{digest(asked.receipt)}"
    if done in step.profile.marks:
        step.passed_over.append(stream_id(record.offset))
        return
    told = forget(step, asked.receipt, asked.requested_ms)
    step.erasures.append(Erasure(asked.receipt, asked.requested_ms, stream_id(record.offset), _timers(step), told))
    step.profile, step.ledger = Profile(marks={ERASED: record.offset, ERASED_MS: record.at_ms, done: 1}), Ledger()
    for said in (step.timers, step.records, step.new_keys, step.decided, step.taken, step.passed, step.handed):
        said.clear()
    step.moves = [each for each in step.moves if each.act not in (Act.HOLD, Act.KEEP)]  # what was used stays used
    step.identity = NOBODY
    step.judged = (step.ledger, step.identity)


def _timers(step: Step) -> list[str]:
    """All that may be set: what is set is known to profile and ledger."""
    visits = (f"{SESSION_TIMER}:{channel}" for channel in (*step.profile.sessions, *step.profile.visits))
    answers = (no_response.timer_of(each.code) for each in step.ledger.entries)
    return [*step.timers, *visits, *step.profile.pending, REVIEW_TIMER, *answers]


def leaves_no_ledger(step: Step) -> bool:
    return bool(step.erasures) and step.ledger == Ledger()


def kept_ms(step: Step, stranger_ms: int) -> int:
    """How long the mark of a stranger is kept; of one who was erased it must not get lost."""
    return TOMBSTONE_MS if ERASED in step.profile.marks else stranger_ms


def passed_over(step: Step, record: LogRecord) -> bool:
    """Whether a record that stands after an erasure came of what was erased: a timer that fired, a session that ended,
    an answer to a decision, each just before the erasure was folded; a dead letter of the old life that was put back.
    The commit drops such records from the log."""
    if ERASED not in step.profile.marks:
        return False
    is_old = _was_put_back(step, record) or (record.topic in FOLLOWING and _is_of_the_old_life(step, record))
    if is_old:
        step.passed_over.append(stream_id(record.offset))
    return is_old


def _was_put_back(step: Step, record: LogRecord) -> bool:
    return 0 < record.first_ms <= step.profile.marks.get(ERASED_MS, 0)


def _is_of_the_old_life(step: Step, record: LogRecord) -> bool:
    try:
        said: Any = orjson.loads(record.body)
        if record.topic == IDENTITIES and said["kind"] == "answered":
            return _knows_none_of(step, {said["response"]["code"]})
        if record.topic == IDENTITIES:  # what an identifier has sent before it was erased too
            return said["kind"] == "parts" and step.profile.first is None
        if record.topic == "decisions":  # one of the new life has reserved what it chose
            made = _codes(said)
            return bool(made) and not step.around.again and _knows_none_of(step, made)
        if record.topic == "responses" and said.get("cell"):
            return bool(said["at_ms"] <= step.profile.marks.get(ERASED_MS, 0))
        if record.topic == "responses":
            return _knows_none_of(step, {said["code"]})
        return said["type"] in OUR_OWN and _is_before(said["time"], step.profile.first)
    except (ValueError, KeyError, TypeError):
        return False  # whatever it is: the fold will say so


def _knows_none_of(step: Step, codes: set[str]) -> bool:
    return codes.isdisjoint(each.code for each in step.ledger.entries)


def _codes(decision: Mapping[str, Any]) -> set[str]:
    """What the ledger calls its treatments. An event that is sent again decides under the same id as in the old life,
    and with other codes."""
    withheld = (f"{decision['decision']}/{index}" for index, _ in enumerate(decision.get("withheld", ())))
    return {*(each["code"] for each in decision["treatments"]), *withheld}


def _is_before(time: str, first_ms: int | None) -> bool:
    """Of what Opportune says itself, nothing comes of a life that has not begun."""
    return first_ms is None or at_ms(datetime.fromisoformat(time)) < first_ms
