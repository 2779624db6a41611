"""What workers count and time; the application turns it into metrics."""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from rules.answer import Answered
from rules.left_out import Together

CHOSEN = "chosen"
"""What became of a candidate that was not left out."""
Counts = Mapping[tuple[str, ...], int]
"""By the values of the labels."""


class Meter(Protocol):
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def tally(self, name: str, counts: Counts, *, kept: bool = False) -> None:
        """Many at once. `kept`: the mapping stays as it is and comes again and again."""

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


def count_decision(meter: Meter, made: Answered) -> None:
    """Whoever has decided: the API when it is asked, or a worker for a message."""
    meter.count("decisions", channel=made.channel)
    meter.count("treatments", len(made.treatments))
    reasons: Counter[tuple[str, ...]] = Counter()
    became: Counter[tuple[str, ...]] = Counter()
    for treatment in made.treatments:
        became[treatment.offer, CHOSEN] += 1
    for each in made.judgement.fallen:
        if isinstance(each, Together):
            meter.tally("left_out", each.reasons, kept=True)
            meter.tally("candidates", each.counts, kept=True)
        else:
            reasons[(each.reason,)] += 1
            became[each.candidate.offer_id, each.reason] += 1
    meter.tally("left_out", reasons)
    meter.tally("candidates", became)
