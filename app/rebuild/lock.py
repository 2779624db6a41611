"""One rebuild at a time: a lock that runs out by itself if its rebuild dies."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.errors import StartError
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

LOCK = "opportune:rebuild"
LOCK_MS = 15_000
RENEW_EVERY_S = 3.0


class Lock:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store
        self._token = secrets.token_hex(8)
        self._is_ours = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Raises StartError if another rebuild runs."""
        if not await self._taken():
            hint = f"wait for it; one that was killed lets go after {LOCK_MS // 1000} seconds"
            raise StartError("another rebuild is running", hint)
        self._is_ours = True
        renewing = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            if self._is_ours:
                trip = self._store.scripts.batch()
                trip.add("DEL", LOCK)
                await trip.run()

    def check(self) -> None:
        """Raises StartError if somebody else has taken it: this process stood still for too long."""
        if not self._is_ours:
            raise StartError("another rebuild has begun meanwhile", "run this one again when that one is done")

    async def _keep(self) -> None:
        while self._is_ours:
            await asyncio.sleep(RENEW_EVERY_S)
            with suppress(StoreUnavailable):
                self._is_ours = await self._taken()

    async def _taken(self) -> bool:
        trip = self._store.scripts.batch()
        trip.call("lock", [LOCK], [self._token, LOCK_MS])
        (answer,) = await trip.run()
        return bool(answer[0] == b"OK")
