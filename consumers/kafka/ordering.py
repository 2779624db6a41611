"""In which order the records of several partitions are taken in: by the time at which Kafka took them. Pure.

What is about one customer stands in several topics, and not only the last of it may wait to be taken in. An erasure
that overtook what was before it would be followed by the old life; a response that overtook its decision would find
nothing. So a record waits while a partition that is read beside its own has earlier ones.
"""

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Mapping

from consumers.dead_letters import InKafka
from consumers.kafka.reading import Part

ERASURES = "erasures"
TOPICS = ("interactions", "decisions", "responses", "identities", ERASURES)
"""All that is folded; of those that came within a millisecond, these first."""
RANK = {topic: rank for rank, topic in enumerate(TOPICS)}


class Merge:
    """Each partition keeps its own order, also where the clocks of brokers differ and time seems to have gone back."""

    def __init__(self) -> None:
        self._waiting: dict[Part, deque[InKafka]] = {}
        self.read_to: dict[Part, int] = {}
        """By partition, up to where all has been read."""
        self._latest_ms: dict[Part, int] = {}

    def begin(self, starts: Mapping[Part, int]) -> None:
        """From now on these partitions, each from an offset on, and no others."""
        self._waiting = {part: deque() for part in starts}
        self.read_to = dict(starts)
        self._latest_ms = dict.fromkeys(starts, 0)

    def add(self, part: Part, records: Iterable[InKafka], read_to: int) -> None:
        """`read_to`: all before this offset has been read."""
        self._waiting[part].extend(records)
        self.read_to[part] = read_to

    @property
    def empty(self) -> list[Part]:
        """Of which nothing waits here."""
        return [part for part, waiting in self._waiting.items() if not waiting]

    @property
    def has_waiting(self) -> bool:
        return any(self._waiting.values())

    @property
    def taken_to(self) -> dict[Part, int]:
        """By partition, up to where all was given out."""
        return {part: waiting[0].offset if waiting else self.read_to[part] for part, waiting in self._waiting.items()}

    def take(self, most: int, more: Collection[Part] = (), held: Collection[Part] = ()) -> list[InKafka]:
        """The next records of all partitions. `more`: partitions that have more than is here: when one of them has
        nothing left here, whatever it has comes first. `held`: whose next record must wait, and with it what is
        later."""
        found: list[InKafka] = []
        if any(not self._waiting[part] for part in more):
            return found
        heads = [self._head(part) for part, waiting in self._waiting.items() if waiting]
        heapq.heapify(heads)
        while heads and len(found) < most:
            latest_ms, _, part = heads[0]
            if part in held:
                break
            self._latest_ms[part] = latest_ms
            waiting = self._waiting[part]
            found.append(waiting.popleft())
            if waiting:
                heapq.heapreplace(heads, self._head(part))
            elif part in more:
                break
            else:
                heapq.heappop(heads)
        return found

    def _head(self, part: Part) -> tuple[int, int, Part]:
        return max(self._latest_ms[part], self._waiting[part][0].at_ms), RANK.get(part[0], 0), part
