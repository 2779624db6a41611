"""A store on a real Redis, and workers that are driven step by step."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import GuardedLoop
from consumers.meter import Labels
from consumers.redis_streams import RedisStreams
from profiles.connection import connected
from profiles.store import CustomerStore
from tests.builders import live

SHARDS = 4


@dataclass
class Counted:
    """A Meter that remembers what it counted."""

    counts: dict[str, int] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + amount

    def tally(self, name: str, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None:
        self.count(name, len(list(each)) + sum(sum(counts.values()) for counts in together))

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[name] = value


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connected(redis_url) as client:
        yield client


@pytest.fixture
async def store(redis: Redis) -> CustomerStore:
    return await CustomerStore.open(redis, SHARDS)


@pytest.fixture
def meter() -> Counted:
    return Counted()


MakeWorker = Callable[..., GuardedLoop]


@pytest.fixture
def worker(redis: Redis, store: CustomerStore, meter: Counted) -> MakeWorker:
    def make(name: str = "one", policy: LivePolicy | None = None, keep: int = 100) -> GuardedLoop:
        fold = ProfileFold(policy or live(), meter)
        return GuardedLoop(store, RedisStreams(redis, SHARDS, name), lambda: fold, meter, keep, wait_ms=20)

    return make
