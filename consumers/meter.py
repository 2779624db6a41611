"""What workers count and time; the application turns it into metrics."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rules.answer import Answered
from rules.left_out import Together

CHOSEN = "chosen"
"""What became of a candidate that was not left out."""
Labels = tuple[str, ...]


class Meter(Protocol):
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def tally(self, name: str, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None:
        """Many at once, by the values of their labels. `together`: what stays as it is and comes again and again."""

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


def count_decision(meter: Meter, made: Answered) -> None:
    """Whoever has decided: the API when it is asked, or a worker for a message."""
    meter.count("decisions", channel=made.channel)
    meter.count("treatments", len(made.treatments))
    became: list[Labels] = [(each.offer, CHOSEN) for each in made.treatments]
    together = []
    for each in made.judgement.fallen:
        if isinstance(each, Together):
            together.append(each.counts)
        else:
            became.append(each.counted)
    meter.tally("candidates", became, together)
