"""Finishes erasures: removes what streams still say of somebody erased, then the name itself, then writes the receipt.

    1. sweep    records of the log, dead letters, actions; each stretch is removed and counted in one step
    2. forget   the tombstone moves under a salted digest; the erasure loses the name
    3. receipt  written for whoever asked
    4. settle   the erasure leaves the shard

The erasure stands in the shard from the commit that folded it (docs/exactly-once.md) to step 4, so that a crash
between any two steps is made good by whoever looks next; each step repeated does nothing more.

Who was told of an erasure has an entry and a receipt too: of an erasure of its own, or that it has forgotten the name.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from consumers.meter import Meter
from consumers.redis_streams import stream_id
from consumers.stopping import Stopping
from profiles import erasure, keys
from profiles.erasure import Erasing
from profiles.registry import Registry
from profiles.store import CustomerStore
from schemas.base import rfc3339
from schemas.erasure import ErasureReceipt

log = logging.getLogger(__name__)

RECEIPTS = "erasures"
LOOK_EVERY_S = 0.25
PRUNE_EVERY_S = 600.0
MOST_AT_ONCE = 50


class Erasures:
    """Finishes the erasures of the shards that `owned` names."""

    def __init__(
        self, store: CustomerStore, registry: Registry, owned: Callable[[], frozenset[int]], meter: Meter
    ) -> None:
        self._store = store
        self._registry = registry
        self._owned = owned
        self._meter = meter
        self._pruned = float("-inf")
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        await self._stopping.repeat(self._look, LOOK_EVERY_S, log)

    async def _look(self) -> None:
        await self.finish_waiting()
        await self._prune()

    async def finish_waiting(self) -> int:
        """Finishes what can be finished now; returns how many."""
        waiting = await erasure.waiting(self._store, sorted(self._owned()))
        positions = await self._positions(list(waiting))
        done = 0
        for shard, found in waiting.items():
            ready = await self._ready(shard, found[:MOST_AT_ONCE], positions[shard])
            done += await self._finish(shard, ready, positions[shard])
        return done

    async def _ready(self, shard: int, erasures: Sequence[Erasing], position: int) -> list[Erasing]:
        """Those of which all that stood in the log at their commit is folded: nothing else is taken out of it."""
        trip = self._store.scripts.batch()
        for each in erasures:
            last = each.ends.get(self._store.log.name, "0-0")
            trip.add("XRANGE", self._store.log.key(shard), f"({stream_id(position)}", last, "COUNT", 1)
        return [each for each, unread in zip(erasures, await trip.run(), strict=True) if not unread]

    async def _positions(self, shards: Sequence[int]) -> Mapping[int, int]:
        trip = self._store.scripts.batch()
        for shard in shards:
            trip.add("HGET", keys.guard(shard), self._store.log.position)
        return {shard: int(at or 0) for shard, at in zip(shards, await trip.run(), strict=True)}

    async def _finish(self, shard: int, erasures: Sequence[Erasing], position: int) -> int:
        named = [each for each in erasures if each.subject is not None]
        if named:
            await erasure.swept(self._store, shard, named, (self._store.log.position, position))
        for each in erasures:
            left = each if each.subject is None else await erasure.forgotten(self._store, shard, each)
            if left is not None:
                await self._write_receipt(left)
                await erasure.settled(self._store, shard, each.receipt)
                self._meter.count("erasures")
        return len(erasures)

    async def _write_receipt(self, done: Erasing) -> None:
        """The first one stays: a request that reached the log twice finds nothing the second time."""
        known = await self._registry.get(RECEIPTS, done.receipt)
        if known is None or ErasureReceipt.model_validate_json(known).state == "pending":
            await self._registry.put(RECEIPTS, done.receipt, receipt_of(done).model_dump_json().encode())

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned >= PRUNE_EVERY_S:
            await erasure.prune(self._store, self._owned(), int(time.time() * 1000))
            self._pruned = time.monotonic()


def receipt_of(done: Erasing) -> ErasureReceipt:
    return ErasureReceipt(
        receipt=done.receipt,
        state="done",
        requested=rfc3339(done.requested_ms),
        erased=rfc3339(done.erased_ms),
        removed=dict(sorted(done.removed.items())),
        told=tuple(done.told),
    )
