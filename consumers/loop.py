"""The guarded loop: the only place that decides about positions in the log (docs/exactly-once.md).

For each shard it owns, a worker repeats

    1. BEGIN  the guard must be as this worker left it; a fresh nonce; the same script reads the customers
    2. fold   all records of a customer become one commit
    3. APPLY  each commit requires the nonce and the customer's version, and is counted in the guard
    4. END    if every commit of the batch is there, the position moves

A crash before 3 changes nothing. A crash between 3 and 4 leaves commits whose records are read again and found
already folded, by the mark in each profile. A guard that is not as it was left means another owner or lost
writes: the worker takes over from the position in Redis, or finds that the shard is no longer its own.
"""

import logging
import secrets
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from typing import Protocol

from consumers.guarded_batch import Fold, GuardedBatch, Shard
from consumers.log import EventLog, LogRecord
from consumers.meter import Meter
from consumers.stopping import Stopping
from consumers.together import Together, groups
from profiles import keys
from profiles.errors import StoreUnavailable
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

MOST_RECORDS = 400
"""Of one shard in one batch; a profile remembers as many identities at least (KEPT_IDENTITIES)."""
WAIT_MS = 500
CHECK_EVERY_S = 1.0
RETRY_AFTER_S = 0.5
SHORTEST_ROUND_S = 0.015
"""A round begins no sooner after the one before: what comes meanwhile is folded together. A round costs more than a
record does, and who finds nothing to do waits for the next record, and not for this."""
BEHIND_ROUND_S, BEHIND_S = 0.25, 2.0
"""Likewise where the records are older than this and still come in small portions: a customer who has several in one
round is read, written and committed once. A Redis or a broker whose clock is slow by more makes this the rule, no
more."""
MOST_ATTEMPTS = 50
MOST_OPEN = 16
"""Groups whose commits are on their way. Each holds a connection; a client has 64 (profiles/connection.py)."""
LEASE_MS = 10_000
"""How long a rebuild keeps a shard from the workers without saying so again."""


class FoldSource(Protocol):
    """Pins one policy revision for a batch; None while there is no policy."""

    def __call__(self) -> Fold | None: ...


class GuardedLoop:
    """Reads, folds and commits until it is stopped. `keep`: consumed records each log keeps; `lease`: under which a
    rebuild folds what else is the workers'."""

    def __init__(
        self,
        store: CustomerStore,
        event_log: EventLog,
        folds: FoldSource,
        meter: Meter,
        keep: int,
        wait_ms: int = WAIT_MS,
        lease: str = "",
    ) -> None:
        self._store = store
        self._log = event_log
        self._folds = folds
        self._meter = meter
        self._keep = keep
        self._wait_ms = wait_ms
        self._lease = lease
        self._shards: dict[int, Shard] = {}
        self._checked = time.monotonic()
        self._shortest_s = SHORTEST_ROUND_S
        self.stepped = time.monotonic()
        """When it has last gone round, whether or not there was anything to do."""
        self._stopping = Stopping()

    @property
    def owned(self) -> frozenset[int]:
        return frozenset(self._shards)

    @property
    def positions(self) -> Mapping[int, int]:
        """How far each owned shard has been followed."""
        return {number: shard.position for number, shard in self._shards.items()}

    def stop(self) -> None:
        """Lets the batches in hand finish; others of the same round are left to the next owner."""
        self._stopping.ask()

    async def run(self) -> None:
        while not self._stopping.asked:
            began = time.monotonic()
            try:
                await self.step()
            except StoreUnavailable as cause:
                # the log waits: trouble with Redis is never a reason to skip a record
                log.warning("store unavailable", extra={"cause": str(cause)})
                self._shards.clear()
                await self._stopping.pause(RETRY_AFTER_S)
            self.stepped = time.monotonic()
            if (early_s := self._shortest_s - (self.stepped - began)) > 0:
                await self._stopping.pause(early_s)
        await self._leave()

    async def _leave(self) -> None:
        self._shards.clear()
        try:
            await self._log.leave()
        except StoreUnavailable as cause:
            log.warning("could not sign off", extra={"cause": str(cause)})

    async def step(self) -> None:
        """One round: ownership, one read, one guarded batch per shard that has records."""
        fold = self._folds()
        if fold is None:
            await self._stopping.pause(RETRY_AFTER_S)
            return
        await self._follow_ownership()
        positions = self.positions
        if not positions:
            await self._stopping.pause(RETRY_AFTER_S)
            return
        found = await self._log.read(positions, MOST_RECORDS, self._wait_ms)
        if found:
            started = time.monotonic()
            await self._commit(found, fold)
            self._meter.observe("worker_batch", time.monotonic() - started)
        self._shortest_s = shortest_round_s(found.values(), time.time())
        if time.monotonic() - self._checked >= CHECK_EVERY_S:
            await self.check_guards()

    async def _follow_ownership(self) -> None:
        owned = await self._log.owned()
        for number in self._shards.keys() - owned:
            del self._shards[number]
        await self._take_over(owned - self._shards.keys())

    async def _take_over(self, numbers: frozenset[int]) -> None:
        if not numbers:
            return
        batch, nonces = self._store.scripts.batch(), {}
        for number in sorted(numbers):
            nonces[number] = secrets.token_hex(8)
            args = [nonces[number], self._store.log.position, self._lease, LEASE_MS]
            batch.call("takeover", [keys.guard(number, self._store.space)], args)
        answers = zip(nonces.items(), await batch.run(), strict=True)
        taken = [(number, nonce, int(answer[1])) for (number, nonce), answer in answers if answer[0] == b"OK"]
        for number, nonce, position in taken:
            self._shards[number] = Shard(nonce, position, deque(maxlen=self._keep + 1))
        if taken:
            self._meter.count("worker_takeovers", len(taken))
            log.info("took over shards", extra={"shards": len(taken)})

    async def check_guards(self) -> None:
        """Notices lost writes and new owners also where nothing happens."""
        batch = self._store.scripts.batch()
        numbers = list(self._shards)
        for number in numbers:
            batch.add("HMGET", keys.guard(number, self._store.space), "nonce", "n", self._store.log.position)
        for number, answer in zip(numbers, await batch.run(), strict=True):
            shard = self._shards[number]
            found = tuple(None if each is None else each.decode() for each in answer)
            if found[:2] != (shard.nonce, str(shard.commits)) or (found[2] or "0") != str(shard.position):
                self._drop(number, "guard changed")
        self._meter.gauge("worker_shards", len(self._shards))
        self._checked = time.monotonic()

    def _drop(self, number: int, why: str) -> None:
        """Forgets a shard; if it is still ours, the next round takes it over and replays."""
        self._shards.pop(number, None)
        self._meter.count("worker_fences")
        log.warning("lost a shard", extra={"shard": number, "why": why})

    async def _commit(self, found: Mapping[int, list[LogRecord]], fold: Fold) -> None:
        """While some batches are folded, the next ones begin, and Redis works on those before."""
        shelf = fold.shelf
        if shelf is not None:
            await self._store.stocks.adopt(shelf)
        batches = [GuardedBatch(self._store, number, records, shelf) for number, records in found.items()]
        several = [Together(self._store, each) for each in groups(batches)]
        opened = deque[Together]()
        try:
            await several[0].begin(self._shards)
            if len(several) > 1:  # there is a backlog: more is there
                following = {each.number: each.last_offset for each in batches}
                await self._log.read_ahead({**self.positions, **following}, MOST_RECORDS)
            for these, next_ones in zip_longest(several, several[1:]):
                if self._stopping.asked:
                    break  # what has only begun has changed nothing
                if len(opened) == MOST_OPEN:
                    await self._settle_all(opened.popleft(), fold)
                if next_ones is not None:
                    await next_ones.begin(self._shards)
                await self._apply(these, fold)
                opened.append(these)
            for these in opened:
                await self._settle_all(these, fold)
        finally:
            for these in several:
                await these.drop()

    async def _apply(self, several: Together, fold: Fold) -> None:
        """Folds those whose guard is as this worker left it, and sends what they commit."""
        for refused in await several.refused():
            self._drop(refused.number, "guard changed")
        for batch in several.begun:
            shard = self._shards[batch.number]
            shard.nonce = batch.nonce
            shard.consumed.extend(record.offset for record in batch.records)
        started = time.monotonic()
        await several.apply(fold, {each.number: self._trim_before(each) for each in several.begun})
        self._meter.observe("worker_fold", time.monotonic() - started)

    async def _settle_all(self, several: Together, fold: Fold) -> None:
        for batch, is_closed in await several.closed():
            await self._settle(batch, fold, is_closed)

    async def _settle(self, batch: GuardedBatch, fold: Fold, is_closed: bool) -> None:
        """Follows a batch to its END; customers that met a conflict are folded again."""
        for _ in range(MOST_ATTEMPTS):
            if is_closed:
                return self._close(batch)
            self._meter.count("worker_conflicts", len(batch.conflicts))
            if not batch.conflicts or not await batch.read_again():
                return self._drop(batch.number, "fenced")
            trip = self._store.scripts.batch()
            await batch.apply(trip, fold, self._trim_before(batch))
            is_closed = batch.closed(iter(await trip.run()))
        return self._drop(batch.number, "too many conflicts")

    def _close(self, batch: GuardedBatch) -> None:
        shard = self._shards[batch.number]
        shard.position, shard.commits = batch.last_offset, batch.commits or 0
        self._meter.count("worker_folded", len(batch.records))
        self._meter.gauge("worker_lag_seconds", time.time() - batch.records[-1].at_ms / 1000)

    def _trim_before(self, batch: GuardedBatch) -> int | None:
        """The oldest of the consumed records that are kept, if there are more than that."""
        consumed = self._shards[batch.number].consumed
        return consumed[0] if len(consumed) > self._keep else None


def shortest_round_s(portions: Collection[Sequence[LogRecord]], now_s: float) -> float:
    """How long the round lasts at least that has read these of each shard; with much to read the next one begins at
    once."""
    most = max(map(len, portions), default=0)
    if most >= MOST_RECORDS // 2:
        return 0.0
    is_behind = most > 0 and now_s - min(each[-1].at_ms for each in portions) / 1000 > BEHIND_S
    return BEHIND_ROUND_S if is_behind else SHORTEST_ROUND_S
