"""Publishing a policy, and following the live one.

Every revision is kept in Redis, whole, under its content hash; which one is live, and what is scheduled, stands beside
them (app/lifecycle/). Each process looks twice a second and takes over a new revision once it is compiled. One that
cannot be compiled here is reported, and the running one stays. What is scheduled is compiled ahead of its time; then
every process looks, the first one makes it live, and all take over what they have ready.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from app.beside import beside
from app.errand import UndoneError
from app.huge_pages import gather
from app.lifecycle.book import Heading, Scheduled, Who
from app.lifecycle.running import Lifecycle
from consumers.live import LivePolicy
from consumers.stopping import Stopping
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from rules.policy import check

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
AGAIN_AFTER_S = 30.0
"""How long a policy is left alone whose compiling was ended again and again: it takes a core, and memory from all."""
AHEAD_MS = 600_000
"""How long before its time a scheduled revision is compiled."""


def live_of(files: Mapping[str, str]) -> LivePolicy:
    """Raises ValueError for a policy with errors."""
    return LivePolicy.compiled(check(files))


class PolicyStore:
    def __init__(self, registry: Registry) -> None:
        self.lifecycle = Lifecycle(registry)

    async def publish(self, policy: LivePolicy, files: Mapping[str, str]) -> None:
        """Makes a checked policy the live one at once, as one person may who works alone; the log says when by the
        clock of Redis. Raises NotApproved where somebody else has to approve it, and WrongState if it ranks identifiers
        otherwise than the live one."""
        who = Who("opportune")
        await self.lifecycle.draft(Heading.of(policy), files, (), who)
        if await self.live_revision() != policy.revision:
            await self.lifecycle.publish(policy.revision, who)

    async def live_revision(self) -> str | None:
        return (await self.lifecycle.followed()).live

    async def files(self, revision: str) -> dict[str, str]:
        return await self.lifecycle.files(revision)


class LivePolicies:
    """Follows the live revision. `current` is None until the first one is taken over."""

    def __init__(self, store: PolicyStore) -> None:
        self._lifecycle = store.lifecycle
        self._current: LivePolicy | None = None
        self._ready: dict[str, LivePolicy] = {}
        """What is scheduled and compiled."""
        self._refused: set[str] = set()
        self._undone: dict[str, float] = {}
        """What could not be compiled to its end, until when it is left alone."""
        self._look_after_s = LOOK_EVERY_S
        self._compiling: asyncio.Task[LivePolicy] | None = None
        self._stopping = Stopping()

    @property
    def current(self) -> LivePolicy | None:
        return self._current

    def stop(self) -> None:
        self._stopping.ask()
        if self._compiling is not None:
            self._compiling.cancel()

    async def follow(self) -> None:
        """Runs until it is stopped. Not to be cancelled: redis-py sends with `asyncio.wait_for`, which before 3.12
        swallows a cancellation that meets the end of the sending (python/cpython issue 86296)."""
        while True:
            await self._stopping.pause(self._look_after_s)
            self._look_after_s = LOOK_EVERY_S
            if self._stopping.asked:
                return
            try:
                await self.look()
            except StoreUnavailable as cause:
                log.warning("cannot look for a new policy", extra={"cause": str(cause)})
            except Exception:
                log.exception("cannot take over the policy; the running one stays")

    async def look(self) -> None:
        """Takes over what is live, and makes live what is due. Raises StoreUnavailable."""
        found = await self._lifecycle.followed()
        await self._take_over(found.live)
        if found.schedule and await self._promoted(found.schedule):
            await self._take_over((await self._lifecycle.followed()).live)

    async def _take_over(self, revision: str | None) -> None:
        if revision is None or (self._current is not None and self._current.revision == revision):
            return
        policy = await self._if_it_can_be(revision)
        if policy is not None:
            self._current = policy
            log.info("policy is live", extra={"revision": revision})
            await asyncio.to_thread(gather)  # what is asked thousands of times a second stands in memory now

    async def _promoted(self, schedule: Sequence[Scheduled]) -> bool:
        """Gets ready what is scheduled soon. Whether something was due, and may be live now."""
        soon = await self._lifecycle.now_ms() + AHEAD_MS
        near = [each for each in schedule if each.at_ms <= soon]
        found = {each.revision: await self._if_it_can_be(each.revision) for each in near}
        self._ready = {revision: policy for revision, policy in found.items() if policy is not None}
        now_ms = await self._lifecycle.now_ms()
        due = [each for each in near if each.at_ms <= now_ms and each.revision in self._ready]
        waits_ms = min((each.at_ms - now_ms for each in near if each.at_ms > now_ms), default=AHEAD_MS)
        self._look_after_s = min(LOOK_EVERY_S, waits_ms / 1_000)
        if due:
            await self._lifecycle.promote(due[-1])
        return bool(due)

    async def _if_it_can_be(self, revision: str) -> LivePolicy | None:
        """Compiled. None as well while it is left alone, since whatever compiles it is killed: what lacks memory lacks
        it half a second later too. Other revisions are taken over meanwhile."""
        if time.monotonic() < self._undone.get(revision, 0.0):
            return None
        try:
            return await self._compiled(revision)
        except (UndoneError, MemoryError) as cause:
            self._undone[revision] = time.monotonic() + AGAIN_AFTER_S
            log.error(  # noqa: TRY400 (where we waited for it says nothing)
                "policy not compiled; the running one stays, and it is tried again in %g s. Most likely memory ran out:"
                " give this process room for one more policy, or publish a smaller one",
                AGAIN_AFTER_S,
                extra={"revision": revision, "cause": str(cause) or type(cause).__name__},
            )
            return None

    async def _compiled(self, revision: str) -> LivePolicy | None:
        """None if it cannot be compiled here, which is logged once, and when all is to stop."""
        if self._current is not None and self._current.revision == revision:
            return self._current
        if revision in self._refused or revision in self._ready:
            return self._ready.get(revision)
        return None if self._stopping.asked else await self._freshly(revision)

    async def _freshly(self, revision: str) -> LivePolicy | None:
        files = await self._lifecycle.files(revision)
        try:
            self._compiling = asyncio.create_task(beside(live_of, files))
            return await self._compiling
        except asyncio.CancelledError:
            if not self._stopping.asked:
                raise
            return None
        except ValueError:
            self._refused.add(revision)
            log.exception("policy refused; the running one stays", extra={"revision": revision})
            return None
