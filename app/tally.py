"""A counter with many labels that is counted in a dictionary and put into Prometheus's form when it is scraped.

prometheus-client takes several microseconds to find the counter of two labels, and a decision may have a hundred
candidates. The first label is bounded: what comes after `most` values is counted as `other`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER = "other"


class Tally(Collector):
    def __init__(self, name: str, text: str, labels: tuple[str, ...], most: int) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._most = most
        self._known: set[str] = set()
        self._counts: Counter[tuple[str, ...]] = Counter()

    def add(self, labels: Mapping[str, str], amount: int) -> None:
        self._counts[self._bounded(tuple(labels[name] for name in self._labels))] += amount

    def add_each(self, several: Iterable[tuple[str, ...]]) -> None:
        """One for each of these values of the labels, in their order."""
        counts = self._counts
        counts.update([values if values in counts else self._bounded(values) for values in several])

    def _bounded(self, values: tuple[str, ...]) -> tuple[str, ...]:
        first, *rest = values
        if first not in self._known:
            if len(self._known) >= self._most:
                first = OTHER
            self._known.add(first)
        return first, *rest

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, amount in list(self._counts.items()):
            family.add_metric(values, amount)
        yield family

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._text, labels=self._labels)
