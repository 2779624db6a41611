"""A counter with many labels that is counted in a dictionary and put into Prometheus's form when it is scraped.

prometheus-client takes several microseconds to find the counter of two labels, and a decision may have a hundred
candidates. The first label is bounded: what comes after `most` values is counted as `other`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER = "other"
MOST_KEPT = 2_000
"""So many mappings that come again and again are counted as a whole before they are added up."""


class Tally(Collector):
    def __init__(self, name: str, text: str, labels: tuple[str, ...], most: int) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._most = most
        self._known: set[str] = set()
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._kept: dict[int, tuple[Mapping[tuple[str, ...], int], int]] = {}
        self._settling = Lock()

    def add(self, labels: Mapping[str, str], amount: int) -> None:
        self._add(tuple(labels[name] for name in self._labels), amount)

    def add_all(self, counts: Mapping[tuple[str, ...], int], *, kept: bool = False) -> None:
        """`kept`: the mapping stays as it is and comes again and again, so that only how often is noted."""
        if not kept:
            for values, amount in counts.items():
                self._add(values, amount)
            return
        _, times = self._kept.get(id(counts), (counts, 0))
        self._kept[id(counts)] = counts, times + 1
        if len(self._kept) > MOST_KEPT:
            self._settle()

    def _add(self, values: tuple[str, ...], amount: int) -> None:
        self._counts[self._bounded(values)] += amount

    def _bounded(self, values: tuple[str, ...]) -> tuple[str, ...]:
        if values[0] not in self._known:
            if len(self._known) >= self._most:
                values = (OTHER, *values[1:])
            self._known.add(values[0])
        return values

    def _settle(self) -> None:
        """Adds up what is kept; whoever scrapes meanwhile sees it once."""
        with self._settling:
            for counts, times in self._kept.values():
                for values, amount in counts.items():
                    self._add(values, amount * times)
            self._kept = {}

    def collect(self) -> Iterator[Metric]:
        with self._settling:
            found = self._added_up()
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, amount in found.items():
            family.add_metric(values, amount)
        yield family

    def _added_up(self) -> Mapping[tuple[str, ...], int]:
        """With what is kept. Changes nothing: it may be asked for by another thread than the one that counts."""
        found = Counter(dict(self._counts))
        for counts, times in list(self._kept.values()):
            for values, amount in counts.items():
                found[self._bounded(values)] += amount * times
        return found

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._text, labels=self._labels)
