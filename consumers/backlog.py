"""How far the workers, or the relay to Kafka, are behind somebody who appends much at once.

Promises that at most so many batches are in the outboxes which no worker has folded and no relay has moved, whatever
was there before: Redis holds them in memory, and a load could fill it. Leaves waiting to its caller.
"""

from collections import deque
from collections.abc import Iterable, Mapping

from consumers.redis_streams import offset_of
from profiles import keys
from profiles.log_stream import OUTBOX
from profiles.store import CustomerStore


class Backlog:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: CustomerStore, most: int) -> None:
        self._store = store
        self._most = most
        self._batches: deque[Mapping[int, int]] = deque()
        """For each batch the last offset of the shards it went to."""
        self.positions: Mapping[int, int] = {}
        """Of the shards that were asked last: does any worker move?"""

    async def begin(self) -> None:
        """What is there already counts as one batch."""
        await self.appended(range(self._store.shards))

    async def appended(self, shards: Iterable[int]) -> None:
        """A batch has been appended to the outboxes of these shards."""
        self._batches.append(await self._ends(frozenset(shards)))

    async def has_room(self) -> bool:
        """Whether one batch more may be appended."""
        if len(self._batches) < self._most:
            return True
        shards = frozenset().union(*self._batches)
        self.positions = await self._positions(shards)
        ends = await self._ends(shards)  # a failover may have cut the log: what is gone need not be folded
        while self._batches and all(
            self.positions[shard] >= min(end, ends[shard]) for shard, end in self._batches[0].items()
        ):
            self._batches.popleft()
        return len(self._batches) < self._most

    async def _ends(self, shards: frozenset[int]) -> dict[int, int]:
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add("XREVRANGE", keys.outbox(shard), "+", "-", "COUNT", 1)
        answers = zip(shards, await trip.run(), strict=True)
        return {shard: offset_of(entries[0][0]) if entries else 0 for shard, entries in answers}

    async def _positions(self, shards: frozenset[int]) -> dict[int, int]:
        """What was folded or, where more is gone from the outbox, what was moved to Kafka."""
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add("HGET", keys.guard(shard), OUTBOX.position)
            trip.add("XRANGE", keys.outbox(shard), "-", "+", "COUNT", 1)
        answers = await trip.run()
        found = zip(shards, answers[::2], answers[1::2], strict=True)
        return {shard: max(int(at or 0), offset_of(first[0][0]) - 1 if first else 0) for shard, at, first in found}
