"""A `Meter` for what is folded again: it was counted the first time."""

from collections.abc import Iterable, Mapping, Sequence

from consumers.meter import Labels


class Quiet:
    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        pass

    def tally(self, name: str, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None:
        pass

    def observe(self, name: str, seconds: float) -> None:
        pass

    def gauge(self, name: str, value: float, **labels: str) -> None:
        pass
