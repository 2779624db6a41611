"""One shard's part of the log, for whoever folds it by name rather than by its share."""

from collections.abc import Mapping

from consumers.log import LogRecord
from consumers.redis_streams import RedisStreams
from profiles.connection import Redis
from profiles.store import CustomerStore


class OneShard(RedisStreams):
    """`until`: the last record to read; None reads on."""

    def __init__(self, redis: Redis, store: CustomerStore, shard: int) -> None:
        super().__init__(redis, store.shards, worker="", log=store.log)
        self._shard = shard
        self.until: int | None = None

    async def owned(self) -> frozenset[int]:
        return frozenset([self._shard])

    async def leave(self) -> None:
        """It has never reported, so nobody waits for it."""

    async def read(self, positions: Mapping[int, int], most: int, wait_ms: int) -> dict[int, list[LogRecord]]:
        found = await super().read(positions, most, wait_ms)
        if self.until is None:
            return found
        wanted = {shard: [each for each in records if each.offset <= self.until] for shard, records in found.items()}
        return {shard: records for shard, records in wanted.items() if records}
