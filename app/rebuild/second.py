"""The second namespace of one shard: the log folded again by the production loop, beside the live customers.

It reads the live log, or one of its own (fed.py), and writes under names of its own (`{s0003}r:…`): what the fold says
again (dead letters, actions, records for the log) stays there and is dropped with the rest, and its timers never fire.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from app.rebuild.quiet import Quiet
from consumers import timers
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.loop import GuardedLoop
from consumers.one_shard import OneShard
from consumers.redis_streams import offset_of
from profiles import keys
from profiles.connection import Redis
from profiles.customer import Customer
from profiles.log_stream import LogStream
from profiles.shelf import NO_STOCK
from profiles.store import STREAMS, Commit, CustomerStore

SPACE = "r:"
FIRED = f"{timers.SOURCE}#"
"""How the ids of records begin that say that a timer is due."""
WAIT_MS = 5
MOST_IDLE = 3
"""Rounds without progress after which there is nothing left to read: the last record may have been removed."""
MOST_KEYS = 500


class Remembering:
    """A fold that remembers whose records it saw, and which timers they say have fired."""

    def __init__(self, policy: LivePolicy, mark: str) -> None:
        self._fold = ProfileFold(policy, Quiet(), again=True, mark=mark)
        self.shelf = None
        self.subjects: set[str] = set()
        self.fired: set[str] = set()

    def __call__(
        self,
        customer: Customer,
        records: Sequence[LogRecord],
        shard: int = 0,
        salt: int = 0,
        stock: Mapping[str, int] = NO_STOCK,  # noqa: ARG002 (nothing is decided here)
    ) -> Commit:
        self.subjects.add(customer.subject)
        self.fired.update(each.id.removeprefix(FIRED) for each in records if each.id.startswith(FIRED))
        return replace(self._fold(customer, records, shard, salt), new_keys=())  # decisions have no namespace


class SecondSpace:
    """`log`: another one than the live."""

    def __init__(
        self, redis: Redis, store: CustomerStore, shard: int, policy: LivePolicy, log: LogStream | None = None
    ) -> None:
        self.store = CustomerStore(redis, store.shards, space=SPACE, log=log or store.log)
        self.store.scripts = store.scripts
        self.fold = Remembering(policy, store.log.position)
        self._shard = shard
        self._log = OneShard(redis, self.store, shard)
        self._loop = GuardedLoop(self.store, self._log, lambda: self.fold, Quiet(), keep=0, wait_ms=WAIT_MS)

    async def follow(self, until: int | None = None) -> None:
        """Folds what the log has now, or has up to a record."""
        self._log.until = until
        target = await last_record(self.store, self._shard) if until is None else until
        await followed(self._loop, self._shard, target)

    async def drop(self) -> None:
        await drop(self.store, names(self._shard, self.fold.subjects))

    @property
    def position(self) -> int:
        return self._loop.positions.get(self._shard, 0)


async def followed(loop: GuardedLoop, shard: int, target: int) -> None:
    """Steps until the target is folded, or nothing more is found."""
    idle, before = 0, -1
    while idle < MOST_IDLE and loop.positions.get(shard, 0) < target:
        await loop.step()
        position = loop.positions.get(shard, 0)
        idle = idle + 1 if position == before else 0
        before = position


async def last_record(store: CustomerStore, shard: int) -> int:
    """The offset of the newest record of a shard's log; 0 for none."""
    trip = store.scripts.batch()
    trip.add("XREVRANGE", store.log.key(shard), "+", "-", "COUNT", 1)
    (answer,) = await trip.run()
    return offset_of(answer[0][0]) if answer else 0


def names(shard: int, subjects: set[str]) -> list[str]:
    """Every key of the second namespace of a shard."""
    fixed = (keys.outbox, keys.timers, keys.guard, keys.scorecard, keys.erasing, *STREAMS.values())
    return [
        *(name(shard, SPACE) for name in fixed),
        *(keys.customer(shard, subject, SPACE) for subject in subjects),
    ]


async def drop(store: CustomerStore, found: Sequence[str]) -> None:
    for start in range(0, len(found), MOST_KEYS):
        trip = store.scripts.batch()
        for name in found[start : start + MOST_KEYS]:
            trip.add("UNLINK", name)
        await trip.run()
