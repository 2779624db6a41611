"""Erasures: the customer becomes a tombstone, and what comes after starts afresh.

The handler forgets all that the step holds; the commit forgets the rest (`Commit.erasures`, lua/commit.lua): every
field of the customer's key, timers, decisions and codes. Whatever is kept of a customer elsewhere, such as what was
merged into it from other shards (its *sources*), is to be erased from here too: say so in a record of `erasures` for
each of them.
"""

from datetime import datetime
from typing import Any

import orjson

from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.redis_streams import SEQUENCE_BITS, stream_id
from profiles.erasure import ERASED, TOMBSTONE_MS
from profiles.profile import Profile
from profiles.store import Erasure
from schemas.base import at_ms
from schemas.erasure import ErasureRecord
from schemas.interaction import OUR_OWN
from schemas.ledger import Ledger


def fold_erasure(step: Step, record: LogRecord, _: LivePolicy) -> None:
    """Raises ValidationError."""
    asked = ErasureRecord.model_validate_json(record.body)
    step.erasures.append(Erasure(asked.receipt, asked.requested_ms, stream_id(record.offset)))
    step.profile, step.ledger = Profile(marks={ERASED: record.offset}), Ledger()
    step.timers.clear()
    step.records.clear()


def leaves_no_ledger(step: Step) -> bool:
    return bool(step.erasures) and step.ledger == Ledger()


def kept_ms(step: Step, stranger_ms: int) -> int:
    """How long the mark of a stranger is kept; of one who was erased it must not get lost."""
    return TOMBSTONE_MS if ERASED in step.profile.marks else stranger_ms


def is_of_the_old_life(step: Step, record: LogRecord) -> bool:
    """Whether a record that stands after an erasure came of what was erased: a timer that fired, a session that ended,
    an answer to a decision, each just before the erasure was folded."""
    erased = step.profile.marks.get(ERASED)
    if erased is None or record.topic not in ("interactions", "responses"):
        return False
    try:
        said: Any = orjson.loads(record.body)
        if record.topic == "responses":
            return all(each.code != said["code"] for each in step.ledger.entries)
        happened_ms = at_ms(datetime.fromisoformat(said["time"]))
        return said["type"] in OUR_OWN and happened_ms <= erased >> SEQUENCE_BITS
    except (ValueError, KeyError, TypeError):
        return False  # whatever it is: the fold will say so
