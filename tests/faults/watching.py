"""What must hold all the time: positions never claim more than the profiles hold (I2), and never go back (I3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import RedisError

from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.fold import has_seen, identity_hash
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore
from tests.faults.history import SOURCE
from tests.faults.rig import SHARDS, Rig

EVERY_S = 0.25
LATEST = 50


class Watch:
    def __init__(self) -> None:
        self.looks = 0
        self.wrong: list[str] = []
        self._positions: dict[tuple[int, str], int] = {}

    async def look(self, store: CustomerStore, shard: int) -> None:
        found: Any = await store.scripts.redis.hgetall(keys.guard(shard))
        positions = {name.decode(): int(at) for name, at in found.items() if name.startswith(b"off:")}
        for name, at in positions.items():
            if at < self._positions.get((shard, name), 0):
                self.wrong.append(f"I3 {name} of shard {shard} went back to {at}")
            self._positions[shard, name] = at
        await self._folded(store, shard, positions.get(TAKEN_IN.position, 0))
        self.looks += 1

    async def _folded(self, store: CustomerStore, shard: int, position: int) -> None:
        """The latest interactions before the position are in the profiles, which are read after it."""
        upto = f"{position >> 20}-{position & ((1 << 20) - 1)}"
        entries: Any = await store.scripts.redis.xrevrange(TAKEN_IN.key(shard), max=upto, count=LATEST)
        said = [(each[b"subject"].decode(), each[b"id"].decode()) for _, each in entries]
        said = [(subject, name) for subject, name in said if name.startswith(f"{SOURCE}#")]
        customers = await store.read_all(subject for subject, _ in said)
        for subject, name in said:
            if not has_seen(customers[subject].profile.seen, identity_hash(name)):
                self.wrong.append(f"I2 shard {shard} is at {upto}, and {subject} lacks {name}")


async def _watch(store: CustomerStore, watch: Watch) -> None:
    while True:
        for shard in range(SHARDS):
            with suppress(StoreUnavailable, RedisError, OSError):
                await watch.look(store, shard)
        await asyncio.sleep(EVERY_S)


@asynccontextmanager
async def watching(rig: Rig) -> AsyncIterator[Watch]:
    watch = Watch()
    async with rig.connected() as redis:
        store = await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
        task = asyncio.create_task(_watch(store, watch))
        try:
            yield watch
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
