"""What workers count and time; the application turns it into metrics."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from schemas.decision import Decision

CHOSEN = "chosen"
"""What became of a candidate that was not left out."""


class Meter(Protocol):
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def tally(self, name: str, values: Iterable[tuple[str, ...]]) -> None:
        """Counts one for each of these values of the labels, of which there may be many."""

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


def count_decision(meter: Meter, decided: Decision) -> None:
    """Whoever has decided: the API when it is asked, or a worker for a message."""
    meter.count("decisions", channel=decided.channel)
    meter.count("treatments", len(decided.treatments))
    for reason, amount in Counter([each.reason for each in decided.left_out]).items():
        meter.count("left_out", amount, reason=reason)
    became = [(each.offer, CHOSEN) for each in decided.treatments]
    became += [(each.offer, each.reason) for each in decided.left_out]
    meter.tally("candidates", became)
