"""How every scenario runs: clients, faults meanwhile, rest, and a row of the table."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from consumers.kafka.ends import Ends
from consumers.kafka.errors import LogUnavailable
from profiles import keys
from profiles.log_stream import TAKEN_IN
from tests.faults.checking import Verdict, lag, verdict_on
from tests.faults.clients import Clients, Pace
from tests.faults.history import History
from tests.faults.rig import SHARDS, Rig
from tests.faults.telling import say, told
from tests.faults.watching import watching

AT_REST_WITHIN_S = 120.0
PUT_BACK_WITHIN_S = 40.0
QUIET_S = 1.5
"""After all is folded: what would double something has come by then."""
BEGUN_WITHIN_S = 60.0


@dataclass
class Row:
    """One line of the table."""

    fault: str
    sent: int = 0
    faults: int = 0
    lost: int = 0
    doubled: int = 0
    dead_wanted: int = 0
    dead: int = 0
    recovery_s: float = 0.0
    pause_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        letters = f"{self.dead_wanted} / {self.dead}"
        counts = [f"{each:,}" for each in (self.sent, self.faults, self.lost, self.doubled)]
        return [self.fault, *counts, letters, f"{self.recovery_s:.1f} s", "; ".join(self.notes)]


@dataclass
class Run:
    """One scenario while it runs. `forgets`: Redis loses writes in it."""

    rig: Rig
    row: Row
    history: History
    clients: Clients
    forgets: bool = False
    seed: int = 0

    async def settle(self) -> None:
        """Nothing is sent any more: waits until all is folded, and reads off the invariants."""
        began = time.monotonic()
        with told("until nothing is on its way"):
            left = await at_rest(self.rig)
        self.row.wrong += [f"the worker {each} ended by itself" for each in self.rig.ended()]
        self.row.recovery_s = time.monotonic() - began
        if left:
            self.row.wrong.append(f"I7 still on their way after {AT_REST_WITHIN_S:g} s: {left}")
        await asyncio.sleep(QUIET_S)
        with told("reading off the invariants"):
            self._note(await self._verdict())

    async def _verdict(self) -> Verdict:
        """Where Redis has lost writes, responses are put back a little later than all else has come to rest."""
        give_up = time.monotonic() + (PUT_BACK_WITHIN_S if self.forgets else 0)
        while (found := await verdict_on(self.rig, self.history, forgot=self.forgets)).wrong:
            if time.monotonic() > give_up:
                break
            await asyncio.sleep(1)
        return found

    def _note(self, found: Verdict) -> None:
        row, history = self.row, self.history
        row.sent, row.dead_wanted, row.dead = history.sent, found.dead_wanted, found.dead
        row.lost, row.doubled = found.lost, found.doubled
        row.wrong += found.wrong
        if self.forgets:
            row.notes.append(f"{found.never_logged} acknowledged over HTTP were in the lost suffix only")
            told = f"{len(history.forgotten)} decisions were forgotten until folded again"
            row.notes.append(f"{told}, and caps exceeded by {found.beyond_caps} offers meanwhile")


async def at_rest(rig: Rig, within_s: float = AT_REST_WITHIN_S) -> str:
    """Returns when nothing is on its way, twice in a row; what still is, and where, where that takes longer."""
    give_up, quiet, left = time.monotonic() + within_s, 0, ""
    ends = Ends(rig.kafka.connection)
    async with rig.connected() as redis:
        while quiet < 2 and time.monotonic() < give_up:
            try:
                found = await lag(redis, ends)
                left = "" if found.total == 0 else str(found)
            except (LogUnavailable, RedisError, OSError) as cause:
                left = f"not known: {cause!r}"
            quiet = quiet + 1 if not left else 0
            await asyncio.sleep(0.25)
    await ends.close()
    return left


@asynccontextmanager
async def under_load(rig: Rig, fault: str, pace: Pace | None = None, *, forgets: bool = False) -> AsyncIterator[Run]:
    """Clients run until the body ends, which causes the faults; then all is checked."""
    seed = secrets.randbelow(10**6)
    history, row = History(), Row(fault)
    clients = Clients(rig, history, pace or Pace(), seed)
    run = Run(rig, row, history, clients, forgets, seed)
    async with watching(rig) as watch:
        async with clients.running():
            with told(f"{fault}, seed {seed}: until clients and workers are at it"):
                await begun(rig, history)
            with told("faults"):
                yield run
            say(f"clients end: {clients.state()}")
        say(f"clients have ended: {clients.state()}")
        await run.settle()
    if not forgets:
        row.wrong += watch.wrong[:5]
    if row.wrong:
        row.wrong.append(f"seed {seed}; failures {dict(history.failures)}\n{rig.said()}")


async def begun(rig: Rig, history: History) -> None:
    """Returns when workers fold what clients say."""
    async with rig.connected() as redis, asyncio.timeout(BEGUN_WITHIN_S):
        while not (history.said and all(await _positions(redis))):
            rig.require_workers()
            await asyncio.sleep(0.1)


async def _positions(redis: Redis) -> list[bytes | str | None]:
    """Up to where the log of each shard is folded; None where nothing has been."""
    return [await redis.hget(keys.guard(shard), TAKEN_IN.position) for shard in range(SHARDS)]
