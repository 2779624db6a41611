"""A counter with many labels that is counted in a dictionary and put into Prometheus's form when it is scraped.

prometheus-client takes several microseconds to find the counter of two labels, and a decision may have a hundred
candidates. The first label is bounded: what comes after `most` values is counted as `other`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from threading import Lock

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER = "other"
MOST_NEW = 2_000
"""So many different ones are counted before they are added up."""
MOST_WAITING = 32
"""So many of what is said at once are counted together: by then their values are in the core's cache."""
Labels = tuple[str, ...]


class Tally(Collector):
    """One thread counts, any may scrape."""

    def __init__(self, name: str, text: str, labels: Labels, most: int) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._most = most
        self._known: set[str] = set()
        self._counts: Counter[Labels] = Counter()
        self._waiting: list[Sequence[Labels]] = []
        self._new: Counter[Labels] = Counter()
        self._together: dict[int, tuple[Mapping[Labels, int], int]] = {}
        """What comes again and again, by its id, with how often it has come."""
        self._settling = Lock()

    def add(self, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None:
        """`each` is not to be changed afterwards."""
        self._waiting.append(each)
        if len(self._waiting) >= MOST_WAITING:
            self._count()
        for counts in together:
            _, times = self._together.get(id(counts), (counts, 0))
            self._together[id(counts)] = counts, times + 1
        if len(self._new) + len(self._together) > MOST_NEW:
            self._settle()

    def _count(self) -> None:
        """Whoever scrapes meanwhile sees all of it once."""
        with self._settling:
            self._new.update(chain.from_iterable(self._waiting))
            self._waiting = []

    def _settle(self) -> None:
        """Adds up what is new; whoever scrapes meanwhile sees it once."""
        with self._settling:
            self._counts = self._added_up()
            self._waiting, self._new, self._together = [], Counter(), {}

    def _added_up(self) -> Counter[Labels]:
        found = Counter(self._counts)
        said = Counter(chain.from_iterable(list(self._waiting)))
        waiting = [(said, 1), (dict(self._new), 1), *list(self._together.values())]
        for counts, times in waiting:
            for values, amount in counts.items():
                found[self._bounded(values)] += amount * times
        return found

    def _bounded(self, values: Labels) -> Labels:
        if values[0] not in self._known:
            if len(self._known) >= self._most:
                values = (OTHER, *values[1:])
            self._known.add(values[0])
        return values

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, amount in self.counts().items():
            family.add_metric(values, amount)
        yield family

    def counts(self) -> Mapping[Labels, int]:
        with self._settling:
            return self._added_up()

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._text, labels=self._labels)


class Summed(Collector):
    """What a tally has counted, by its last label alone; without one value of that."""

    def __init__(self, name: str, text: str, label: str, tally: Tally, without: str) -> None:
        self._name, self._text, self._label = name, text, label
        self._tally, self._without = tally, without

    def collect(self) -> Iterator[Metric]:
        sums: Counter[str] = Counter()
        for values, amount in self._tally.counts().items():
            sums[values[-1]] += amount
        family = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for value, amount in sums.items():
            if value != self._without:
                family.add_metric([value], amount)
        yield family

    def describe(self) -> Iterator[Metric]:
        yield CounterMetricFamily(self._name, self._text, labels=[self._label])
