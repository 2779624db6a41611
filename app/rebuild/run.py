"""The whole rebuild: one at a time, shard after shard.

For each shard

    1. fold     the log into the second namespace, while the workers go on; with Kafka, what the shard has folded of it
    2. hold     take the shard from the workers; fold the rest, in both
    3. compare  customers, timers, scorecard
    4. mend     where `swap` says so: each customer in one script that requires the guard and the version compared
    5. back     the shard to the workers; the second namespace goes

After a crash some customers are mended and others not yet. The lease and the lock run out by themselves, and the next
start removes what is left of the second namespace.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import StartError
from app.rebuild.fed import FedSpace
from app.rebuild.folded import folded_of, refuse_older
from app.rebuild.history import History
from app.rebuild.hold import Hold, Lost
from app.rebuild.lock import Lock
from app.rebuild.mending import Mending
from app.rebuild.report import Report
from app.rebuild.second import SPACE, SecondSpace, drop
from consumers.live import LivePolicy
from profiles import keys
from profiles.connection import Redis
from profiles.store import CustomerStore

MOST_ATTEMPTS = 5
"""For each shard: erasures in the middle of it, or a lease that ran out, begin it anew."""
ERASED_WITHIN_S = 30.0
SCANNED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Basis:
    """What must be the same from the beginning of a shard to its end."""

    trimmed: bool
    erasures: int


class Changed(Exception):  # noqa: N818
    """Somebody was erased meanwhile: the log no longer says what was folded."""


class Rebuild:
    """`tell` is given a line for each shard; `history`: where the log is in Kafka."""

    def __init__(
        self,
        redis: Redis,
        store: CustomerStore,
        policy: LivePolicy,
        tell: Callable[[str], None],
        history: History | None = None,
    ) -> None:
        self._redis = redis
        self._store = store
        self._policy = policy
        self._tell = tell
        self._history = history
        self._lock = Lock(store)

    async def run(self, swap: bool) -> Report:
        """Raises StartError where the log is not whole or another rebuild runs, StoreUnavailable and LogError."""
        report = Report(self._policy.revision)
        async with self._lock.held():
            if self._history is not None:
                await refuse_older(self._store)
                await self._history.begin()
            for shard in range(self._store.shards):
                self._refuse_trimmed(shard, await self._basis(shard))
            known = await self._tidied()
            for shard in range(self._store.shards):
                await self._shard(shard, known.get(shard, set()), report, swap)
        return report

    async def _shard(self, shard: int, known: set[str], report: Report, swap: bool) -> None:
        for attempt in range(MOST_ATTEMPTS):
            second = self._second(shard)
            draft = Report(report.policy)
            try:
                await self._rebuilt(shard, second, known, draft, swap)
            except (Lost, Changed) as cause:
                self._tell(f"shard {shard}: {cause}; again")
                if attempt == MOST_ATTEMPTS - 1:
                    hint = "try again when fewer customers are erased, or when fewer workers start and stop"
                    raise StartError(f"shard {shard} was disturbed {MOST_ATTEMPTS} times", hint) from cause
            else:
                report.add(draft)
                self._tell(f"shard {shard + 1} of {self._store.shards}: {draft.customers:,} customers compared")
                return
            finally:
                await second.drop()

    async def _rebuilt(self, shard: int, second: SecondSpace, known: set[str], report: Report, swap: bool) -> None:
        basis = await self._without_erasures(shard)
        await self._caught_up(shard, second)
        await self._caught_up(shard, second)  # what came meanwhile: the shard is then held for as short as can be
        self._lock.check()
        hold = Hold(self._redis, self._store, shard, self._policy)
        try:
            await hold.take()
            if await self._basis(shard) != basis:
                raise Changed("its log has changed")
            await self._caught_up(shard, second, hold)
            mending = Mending(self._store, shard, hold, report, swap)
            await mending.customers(known | second.fold.subjects)
            await mending.timers(second.fold.fired)
            await mending.scorecard(is_complete=basis.erasures == 0)
            report.shards = 1
        finally:
            await hold.give_back()

    def _second(self, shard: int) -> SecondSpace:
        if self._history is None:
            return SecondSpace(self._redis, self._store, shard, self._policy)
        self._history.spool.again(shard)
        return FedSpace(self._redis, self._store, shard, self._policy)

    async def _caught_up(self, shard: int, second: SecondSpace, hold: Hold | None = None) -> None:
        """Folds what the shard has folded by now; under a hold, exactly that."""
        if self._history is None or not isinstance(second, FedSpace):
            return await second.follow(None if hold is None else hold.position)
        renew = None if hold is None else hold.renew
        folded = await folded_of(self._store, shard)
        await self._history.extend(folded.before, renew)
        for several in self._history.spool.give(shard, folded.before, folded.without):
            await second.feed(several)
            if renew is not None:
                await renew()
        return None

    async def _basis(self, shard: int) -> Basis:
        trip = self._store.scripts.batch()
        trip.add("HMGET", keys.guard(shard), "trimmed", "erasures")
        (answer,) = await trip.run()
        is_trimmed = answer[0] is not None and self._history is None  # what Kafka has is cut here all the time
        return Basis(is_trimmed, int(answer[1] or 0))

    async def _without_erasures(self, shard: int) -> Basis:
        """Waits until nobody is being erased. Raises StartError."""
        give_up = time.monotonic() + ERASED_WITHIN_S
        while True:
            basis = await self._basis(shard)
            self._refuse_trimmed(shard, basis)
            trip = self._store.scripts.batch()
            trip.add("HLEN", keys.erasing(shard))
            (waiting,) = await trip.run()
            if not waiting:
                return basis
            if time.monotonic() >= give_up:
                raise StartError(f"{waiting} erasures of shard {shard} are not finished", "is a worker running?")
            await asyncio.sleep(0.1)

    def _refuse_trimmed(self, shard: int, basis: Basis) -> None:
        if basis.trimmed:
            raise StartError(
                f"the log is not whole: folded records of shard {shard} have been dropped from its outbox",
                "customers are rebuilt from the first record on, which takes an OPPORTUNE_LOG_KEEP above all that ever "
                "comes, from the first day on; or Kafka as the log, with an archive",
            )

    async def _tidied(self) -> dict[int, set[str]]:
        """Drops what an earlier rebuild left behind; returns the live customers by shard."""
        known: dict[int, set[str]] = {}
        left: list[str] = []
        cursor = 0
        while True:
            trip = self._store.scripts.batch()
            trip.add("SCAN", cursor, "MATCH", "{s*", "COUNT", SCANNED_AT_ONCE)
            (answer,) = await trip.run()
            cursor = int(answer[0])
            for name in (each.decode() for each in answer[1]):
                tag, _, rest = name.partition("}")
                if rest.startswith(SPACE):
                    left.append(name)
                elif rest.startswith("p:"):
                    known.setdefault(int(tag.removeprefix("{s")), set()).add(rest.removeprefix("p:"))
            if cursor == 0:
                await drop(self._store, left)
                return known
