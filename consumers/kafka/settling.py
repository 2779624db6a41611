"""Partitions may be added to the topics, with one condition: what was written before is taken in first.

A customer's records then go to another partition than before, and of two partitions none waits for the other. So the
store notes with how many the relays write (`partitions` in `opportune:store`), and a relay that comes with another
number waits until every shard has taken in what the topics held when it came.
"""

import logging

from consumers.kafka.ends import Ends
from consumers.kafka.errors import LogUnavailable
from consumers.kafka.ordering import TOPICS
from consumers.kafka.reading import Part
from consumers.kafka.taking import Taking
from consumers.stopping import Stopping
from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

NOTED = "partitions"
LOOK_EVERY_S = 1.0


class Settling:
    """`partitions`: of every topic, as they are now."""

    def __init__(self, store: CustomerStore, taking: Taking, ends: Ends, partitions: int) -> None:
        self._store = store
        self._taking = taking
        self._ends = ends
        self._partitions = partitions
        self._targets: dict[Part, int] = {}

    async def wait(self, stopping: Stopping) -> bool:
        """Returns when a relay may write with this number of partitions; False if it is to stop before."""
        while not stopping.asked:
            try:
                if await self.is_settled():
                    return True
                log.warning("the relay waits: what was written with another number of partitions comes first")
            except (StoreUnavailable, LogUnavailable) as cause:
                log.warning("the relay waits", extra={"cause": str(cause)})
            await stopping.pause(LOOK_EVERY_S)
        return False

    async def is_settled(self) -> bool:
        """Raises StoreUnavailable and LogUnavailable."""
        noted = await self._note_if_new()
        if noted == self._partitions:
            return True
        parts = [Part(topic, number) for topic in TOPICS for number in range(self._partitions)]
        self._targets = self._targets or await self._ends.of(parts)
        positions = await self._taking.positions(parts)
        if any(min(at or 0 for at in positions[part]) < end for part, end in self._targets.items()):
            return False
        trip = self._store.scripts.batch()
        trip.add("HSET", keys.META, NOTED, str(self._partitions))
        await trip.run()
        return True

    async def _note_if_new(self) -> int:
        trip = self._store.scripts.batch()
        trip.add("HSETNX", keys.META, NOTED, str(self._partitions))
        trip.add("HGET", keys.META, NOTED)
        _, noted = await trip.run()
        return int(noted)
