"""What workers count and time; the application turns it into metrics."""

from collections import Counter
from typing import Protocol

from schemas.decision import Decision

CHOSEN = "chosen"
"""What became of a candidate that was not left out."""


class Meter(Protocol):
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


def count_decision(meter: Meter, decided: Decision) -> None:
    """Whoever has decided: the API when it is asked, or a worker for a message."""
    meter.count("decisions", channel=decided.channel)
    meter.count("treatments", len(decided.treatments))
    for reason, amount in Counter(each.reason for each in decided.left_out).items():
        meter.count("left_out", amount, reason=reason)
    became = [(each.offer, CHOSEN) for each in decided.treatments]
    became += [(each.offer, each.reason) for each in decided.left_out]
    for (offer, reason), amount in Counter(became).items():
        meter.count("candidates", amount, offer=offer, reason=reason)
