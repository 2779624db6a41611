"""A shard taken over from the workers for some seconds, so that nothing of it is folded while it is compared.

The guard holds the lease: workers that lose the shard do not take it over again before the lease is given back or has
run out by itself. The API goes on: it decides and takes in, and the log waits.
"""

import secrets
import time

from app.rebuild.quiet import Quiet
from app.rebuild.second import followed, last_record
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import LEASE_MS, GuardedLoop
from consumers.one_shard import OneShard
from profiles import keys
from profiles.connection import Redis
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

RENEW_AFTER_S = LEASE_MS / 4_000
KEEP = 1_000_000_000
"""Nothing is trimmed of the log that is being folded again."""
WAIT_MS = 5


class Lost(StoreUnavailable):
    """Somebody else has the shard: the lease had run out."""


class Hold:
    """After `take`: the `nonce` that it takes to write, and the `position` up to which the log is folded."""

    def __init__(self, redis: Redis, store: CustomerStore, shard: int, policy: LivePolicy) -> None:
        self._store = store
        self._shard = shard
        self._lease = secrets.token_hex(8)
        fold, log = ProfileFold(policy, Quiet(), mark=store.log.position), OneShard(redis, store, shard)
        self._loop = GuardedLoop(store, log, lambda: fold, Quiet(), KEEP, WAIT_MS, self._lease)
        self._renewed = 0.0
        self.nonce = ""
        self.position = 0

    async def take(self) -> None:
        """Fences the workers and folds what is left of the log, for them."""
        await self._loop.step()
        await followed(self._loop, self._shard, await last_record(self._store, self._shard))
        self.nonce = secrets.token_hex(8)
        trip = self._store.scripts.batch()
        trip.call("takeover", [keys.guard(self._shard)], [self.nonce, self._store.log.position, self._lease, LEASE_MS])
        (answer,) = await trip.run()
        if answer[0] != b"OK":
            raise Lost(f"another rebuild has shard {self._shard}")
        self.position, self._renewed = int(answer[1]), time.monotonic()

    async def renew(self) -> None:
        """To be called again and again. Raises Lost."""
        if time.monotonic() - self._renewed >= RENEW_AFTER_S:
            if not await self._set(LEASE_MS):
                raise Lost(f"shard {self._shard} was taken back")
            self._renewed = time.monotonic()

    async def give_back(self) -> None:
        if self.nonce:
            await self._set(0)

    async def _set(self, for_ms: int) -> bool:
        trip = self._store.scripts.batch()
        trip.call("lease", [keys.guard(self._shard)], [self.nonce, self._lease, for_ms])
        (answer,) = await trip.run()
        return bool(answer[0] == b"OK")
