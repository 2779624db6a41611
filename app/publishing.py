"""Publishing a policy, and following the live one.

Every revision is kept in Redis, whole, under its content hash; the live one is a name beside them. Each
process looks twice a second and takes over a new revision once it is compiled. One that cannot be compiled
here is reported, and the running one stays.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

import orjson

from app.errors import StartError
from consumers.live import LivePolicy
from consumers.stopping import Stopping
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from rules.policy import check

log = logging.getLogger(__name__)

REVISIONS, LIVE, HISTORY = "policies", "policy", "policy-history"
LOOK_EVERY_S = 0.5


class PolicyStore:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def publish(self, policy: LivePolicy, files: Mapping[str, str], now: datetime) -> None:
        """Makes a checked policy the live one. Raises StartError if it ranks identifiers otherwise than the live one:
        who belongs to whom was judged by their ranks."""
        await self._same_ranks(policy)
        at = now.isoformat()
        await self._registry.put_new(REVISIONS, policy.revision, orjson.dumps(dict(files)))
        await self._registry.put(HISTORY, at, orjson.dumps({"revision": policy.revision, "at": at}))
        await self._registry.put(LIVE, "live", policy.revision.encode())

    async def _same_ranks(self, policy: LivePolicy) -> None:
        live = await self.live_revision()
        if live is None or live == policy.revision:
            return
        before = check(await self.files(live)).policy
        kinds = list(before.identifiers) if before else []
        wanted = [kind for kind in policy.definition.identifiers if kind in kinds]
        if wanted != [kind for kind in kinds if kind in wanted]:
            ranked = ", ".join(kinds)
            raise StartError("`identifiers` are ranked otherwise than live ones", hint=f"the live order is {ranked}")

    async def live_revision(self) -> str | None:
        found = await self._registry.get(LIVE, "live")
        return None if found is None else found.decode()

    async def files(self, revision: str) -> dict[str, str]:
        found = await self._registry.get(REVISIONS, revision)
        return {} if found is None else dict(orjson.loads(found))


class LivePolicies:
    """Follows the live revision. `current` is None until the first one is taken over."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store
        self._current: LivePolicy | None = None
        self._refused: str | None = None
        self._stopping = Stopping()

    @property
    def current(self) -> LivePolicy | None:
        return self._current

    def stop(self) -> None:
        self._stopping.ask()

    async def follow(self) -> None:
        """Runs until it is stopped. Not to be cancelled: redis-py sends with `asyncio.wait_for`, which before 3.12
        swallows a cancellation that meets the end of the sending (python/cpython issue 86296)."""
        while True:
            await self._stopping.pause(LOOK_EVERY_S)
            if self._stopping.asked:
                return
            try:
                await self.look()
            except StoreUnavailable as cause:
                log.warning("cannot look for a new policy", extra={"cause": str(cause)})
            except Exception:
                log.exception("cannot take over the policy; the running one stays")

    async def look(self) -> None:
        revision = await self._store.live_revision()
        if revision is None or revision in (self._refused, self._current and self._current.revision):
            return
        files = await self._store.files(revision)
        try:
            self._current = await asyncio.to_thread(lambda: LivePolicy.compiled(check(files)))
        except ValueError:
            self._refused = revision
            log.exception("policy refused; the running one stays", extra={"revision": revision})
            return
        log.info("policy is live", extra={"revision": revision})
