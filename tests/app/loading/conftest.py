"""A live policy in a real Redis, loads into it, and a worker that folds them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.bootstrap import Parts, opened
from app.loading.command import Asked, Loaded, load_file
from app.loading.mapping import Options
from app.loading.rows import BadRow
from app.settings import Settings
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from profiles.customer import Customer
from rules.policy import check
from schemas.load import Load
from tests.consumers.conftest import Counted

PATIENCE_S = 60.0
SHOP: dict[str, Any] = {
    "policy": {"name": "shop", "time_zone": "Europe/Lisbon"},
    "attributes": {
        "age": "int",
        "spend": "double",
        "member": "bool",
        "since": "timestamp",
        "labels": "list<string>",
        "city": {"type": "string", "one_of": ["Porto", "Lisboa"]},
    },
}


@dataclass
class Seen:
    """What a load shows."""

    said: list[str] = field(default_factory=list)
    bad_rows: list[BadRow] = field(default_factory=list)
    progressed: list[int] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def bad(self, row: BadRow) -> None:
        self.bad_rows.append(row)

    def progress(self, load: Load, fraction: float) -> None:
        self.progressed.append(load.rows)


@dataclass
class Store:
    """The live policy and its store, and what a test does with them."""

    settings: Settings
    policy: LivePolicy
    parts: Parts
    seen: Seen = field(default_factory=Seen)

    async def load(self, path: Path, options: Options | None = None, **over: Any) -> Loaded:
        return await load_file(replace(Asked(path, options or Options()), **over), self.settings, self.seen)

    async def customer(self, name: str, kind: str = "customer") -> Customer:
        return await self.parts.store.read(f"{kind}:{name}")

    async def attributes(self, name: str, kind: str = "customer") -> dict[str, Any]:
        return (await self.customer(name, kind)).profile.attributes

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[GuardedLoop]:
        fold = ProfileFold(self.policy, Counted())
        streams = RedisStreams(self.parts.redis, self.parts.store.shards, "one")
        loop = GuardedLoop(self.parts.store, streams, lambda: fold, Counted(), 100, wait_ms=20)
        running = asyncio.create_task(loop.run())
        try:
            yield loop
        finally:
            loop.stop()
            await running

    async def folded(self) -> int:
        """Interactions that are in profiles, by the scorecard's counts."""
        counts = await self.parts.store.counts()
        return sum(amount for name, amount in counts.items() if "|interactions|identify|" in name)

    async def until_folded(self, count: int) -> None:
        async with self.worker():
            give_up = time.monotonic() + PATIENCE_S
            while (found := await self.folded()) < count:
                assert time.monotonic() < give_up, f"only {found} of {count} in time"
                await asyncio.sleep(0.02)
        assert await self.folded() == count


Open = Callable[..., Any]


@pytest.fixture
def on_store(redis_url: str) -> Open:
    """`async with on_store(policy) as store`; the policy is the shop's with sections replaced."""

    @asynccontextmanager
    async def opening(**sections: Any) -> AsyncIterator[Store]:
        settings = Settings.from_env({"OPPORTUNE_REDIS": redis_url, "OPPORTUNE_SHARDS": "4"})
        files = {"policy.yaml": yaml.safe_dump({**SHOP, **sections}, sort_keys=False)}
        checked = check(files)
        assert checked.ok, [str(each) for each in checked.findings]
        policy = LivePolicy.compiled(checked)
        async with opened(settings) as parts:
            await parts.policies.publish(policy, files)
            yield Store(settings, policy, parts)

    return opening
