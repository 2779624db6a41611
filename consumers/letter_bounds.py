"""Keeps the dead letters in Redis within bounds: a number and a size for each shard, and an age.

A sender that goes wrong can make as many as it sends, and Redis holds the customers too: it must not fill up. The
oldest are cut, which is counted and logged. That happens each second, so that what comes in between may exceed the
bounds, and it waits for nobody: where Kafka is the log, its topic `dead-letters` has what was relayed before.
"""

import logging
import time
from collections.abc import Callable, Sequence

from consumers.meter import Meter
from consumers.stopping import Stopping
from profiles import keys
from profiles.store import CustomerStore
from schemas.base import UNIT_MS

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
KEPT_MS = 30 * UNIT_MS["d"]
"""As long as the topic keeps them."""
MOST_BYTES = 64 << 20
"""Of memory for each shard: ten thousand letters of 6 kB."""


class LetterBounds:
    """For the shards that `owned` names. `keep`: letters of each shard."""

    def __init__(self, store: CustomerStore, owned: Callable[[], frozenset[int]], meter: Meter, keep: int) -> None:
        self._store = store
        self._owned = owned
        self._meter = meter
        self._keep = keep
        self._measured: dict[int, int] = {}
        """Letters of a shard when their size was found to fit: to measure takes Redis a millisecond where there are
        many, and is done when some have come or gone."""
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        await self._stopping.repeat(lambda: self.look(int(time.time() * 1000)), LOOK_EVERY_S, log)

    async def look(self, now_ms: int) -> int:
        """Returns how many were cut."""
        shards = sorted(self._owned())
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add("XTRIM", keys.dead_letters(shard), "MAXLEN", self._keep)
            trip.add("XTRIM", keys.dead_letters(shard), "MINID", now_ms - KEPT_MS)
            trip.add("XLEN", keys.dead_letters(shard))
        answers = [int(each) for each in await trip.run()]
        found = list(zip(shards, answers[::3], answers[1::3], answers[2::3], strict=True))
        changed = {n: length for n, many, old, length in found if many + old or length != self._measured.get(n, 0)}
        cut = sum(many + old for _, many, old, _ in found) + await self._cut_large(changed)
        self._meter.gauge("worker_dead_letters_waiting", sum(length for *_, length in found))
        if cut:
            self._meter.count("worker_dead_letters_cut", cut)
            log.error("dead letters cut: too many, too large or too old", extra={"letters": cut})
        return cut

    async def _cut_large(self, lengths: dict[int, int]) -> int:
        """Cuts in proportion: letters of one size end below the bound at once, others in some rounds."""
        sizes = await self._sizes(list(lengths))
        trip = self._store.scripts.batch()
        for (shard, length), size in zip(lengths.items(), sizes, strict=True):
            if size > MOST_BYTES:
                trip.add("XTRIM", keys.dead_letters(shard), "MAXLEN", length * MOST_BYTES // size)
                self._measured.pop(shard, None)
            else:
                self._measured[shard] = length
        return sum(await trip.run())

    async def _sizes(self, shards: Sequence[int]) -> list[int]:
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add("MEMORY", "USAGE", keys.dead_letters(shard), "SAMPLES", 0)
        return [int(each or 0) for each in await trip.run()]
