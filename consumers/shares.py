"""Which shards are a worker's: those who do the same share them, by rendezvous hashing over who has reported lately.

For a moment two may believe that a shard is theirs. Whatever is done for a shard is harmless then, by its own means.
"""

import logging
import time
from collections.abc import Iterable
from hashlib import blake2b

from consumers.stopping import Stopping
from profiles.errors import StoreUnavailable
from profiles.scripts import Scripts

log = logging.getLogger(__name__)

WORKERS = "opportune:workers"
"""Who folds, by the time of the last report. Those of other roles stand under `opportune:workers:<role>`."""
REPORT_EVERY_S = 1.0
SILENT_AFTER_S = 4.0
FORGOTTEN_AFTER_S = 60.0
REPORT = """
local now = tonumber(redis.call('TIME')[1])  -- one clock for all workers
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])  -- comes first: also where Redis is full
redis.call('ZADD', KEYS[1], now, ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], now - ARGV[3], '+inf')
"""
"""A worker says that it is there, and learns who else is."""


def share_of(worker: str, workers: Iterable[str], shards: int) -> frozenset[int]:
    """The shards of one worker: each goes to the worker with the highest hash (rendezvous hashing)."""
    everyone = sorted(workers)
    return frozenset(shard for shard in range(shards) if max(everyone, key=lambda each: _weight(each, shard)) == worker)


def _weight(worker: str, shard: int) -> bytes:
    return blake2b(f"{worker}|{shard}".encode(), digest_size=8).digest()


class Share:
    """One worker's, for one role."""

    def __init__(self, scripts: Scripts, shards: int, worker: str, key: str = WORKERS) -> None:
        self._scripts = scripts
        self._shards = shards
        self._worker = worker
        self._key = key
        self._owned: frozenset[int] = frozenset()
        self._reported = float("-inf")
        self._stopping = Stopping()

    @property
    def known(self) -> frozenset[int]:
        """As it was reported last."""
        return self._owned

    async def owned(self) -> frozenset[int]:
        """Reports when it is time. Raises StoreUnavailable."""
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            await self._report()
        return self._owned

    async def _report(self) -> None:
        trip = self._scripts.batch()
        trip.add("EVAL", REPORT, 1, self._key, self._worker, FORGOTTEN_AFTER_S, SILENT_AFTER_S)
        (workers,) = await trip.run()
        self._owned = share_of(self._worker, (each.decode() for each in workers), self._shards)
        self._reported = time.monotonic()

    async def leave(self) -> None:
        """Gives everything back, so that others take over at once. Raises StoreUnavailable."""
        self._owned = frozenset()
        trip = self._scripts.batch()
        trip.add("ZREM", self._key, self._worker)
        await trip.run()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        """Keeps reporting, for a role that does not do it in its own rounds."""
        while not self._stopping.asked:
            try:
                await self.owned()
            except StoreUnavailable as cause:
                self._owned = frozenset()
                log.warning("store unavailable", extra={"cause": str(cause)})
            await self._stopping.pause(REPORT_EVERY_S / 2)
        try:
            await self.leave()
        except StoreUnavailable as cause:
            log.warning("could not sign off", extra={"cause": str(cause)})
