"""Candidates that were not chosen, each with its one reason, and as the answer names them.

A decision names every candidate that it leaves out, and most are left out for reasons that are the same for everybody.
So each brings its JSON along: what can be known when a policy is compiled is written then, and only put together here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from rules.candidates import Candidate
from rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate that was not chosen."""

    candidate: Candidate
    reason: Reason
    detail: str
    written: bytes
    """As schemas/decision.py has it: `{"campaign": …, "program": …, "offer": …, "reason": …, "detail": …}`"""
    counted: tuple[str, ...]
    """As it is counted: offer and reason."""


REASONS = {each: orjson.dumps(each.value) for each in Reason}


def left_out(candidate: Candidate, reason: Reason, detail: str) -> LeftOut:
    written = b'{%b,"reason":%b,"detail":%b}' % (candidate.written, REASONS[reason], orjson.dumps(detail))
    return LeftOut(candidate, reason, detail, written, (candidate.offer_id, reason.value))


class Together:
    """Candidates that are left out together, whoever asks."""

    __slots__ = ("counts", "each", "written")

    def __init__(self, each: Iterable[LeftOut]) -> None:
        self.each = tuple(each)
        self.written = b",".join([one.written for one in self.each])
        self.counts = Counter(one.counted for one in self.each)

    def __len__(self) -> int:
        return len(self.each)

    def __reduce__(self) -> tuple[Any, ...]:
        return Together, (self.each,)


Fallen = LeftOut | Together


def one_by_one(fallen: Iterable[Fallen]) -> Iterator[LeftOut]:
    for found in fallen:
        if isinstance(found, Together):
            yield from found.each
        else:
            yield found
