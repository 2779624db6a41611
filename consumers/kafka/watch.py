"""Looks from outside whether an intake moves, and says how far it is behind."""

import time
from collections.abc import Mapping

from consumers.kafka.ends import Ends
from consumers.kafka.errors import LogUnavailable
from consumers.kafka.ordering import TOPICS
from consumers.kafka.progress import Progress
from consumers.kafka.reading import Part
from consumers.meter import Meter


class Watch:
    def __init__(self, ends: Ends, meter: Meter) -> None:
        self._ends = ends
        self._meter = meter
        self._progress = Progress()

    def excuse(self) -> None:
        """It stands still for a reason."""
        self._progress.excuse()

    async def close(self) -> None:
        await self._ends.close()

    async def is_stuck(self, read_to: Mapping[Part, int], joined: bool, idle_s: float) -> bool:
        """`read_to`: how far each of its partitions was taken in; `idle_s`: when a fetch last came back empty. False
        also where Kafka does not answer: then nobody can move."""
        before = dict(read_to)
        try:
            ends = await self._ends.of(before or [Part(TOPICS[0], 0)])
        except LogUnavailable:
            self._progress.excuse()
            return False
        now_s = time.monotonic()
        stuck = self._progress.is_stuck(ends if before else {}, before, joined, idle_s, now_s)
        self._tell(ends, before, now_s)
        return stuck

    def _tell(self, ends: Mapping[Part, int], read_to: Mapping[Part, int], now_s: float) -> None:
        for topic in TOPICS:
            mine = [part for part in read_to if part[0] == topic and part in ends]
            behind = sum(max(0, ends[part] - read_to[part]) for part in mine)
            self._meter.gauge("intake_lag_records", behind, topic=topic)
            stood = max((self._progress.behind_s(part, now_s) for part in mine), default=0.0)
            self._meter.gauge("intake_lag_seconds", stood, topic=topic)
