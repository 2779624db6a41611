"""An example policy live in a real Redis, a load into it, and a worker that folds it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.bootstrap import opened
from app.customers import Customers
from app.settings import Settings
from consumers.live import LivePolicy
from rules.policy import check, read_folder
from schemas.profile import CustomerView
from tests.app.loading.conftest import Store

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Source:
    current: LivePolicy


@asynccontextmanager
async def published(folder: Path, redis_url: str, findings: Collection[str] = ()) -> AsyncIterator[Store]:
    """`findings`: what may be found in it."""
    settings = Settings.from_env({"OPPORTUNE_REDIS": redis_url, "OPPORTUNE_SHARDS": "4"})
    files = read_folder(folder)
    checked = check(files)
    assert [str(each) for each in checked.findings if each.id not in findings] == []
    policy = LivePolicy.compiled(checked)
    async with opened(settings) as parts:
        await parts.policies.publish(policy, files)
        yield Store(settings, policy, parts)


async def seen(store: Store, subjects: Sequence[str]) -> list[CustomerView]:
    """Everybody, as the API shows them."""
    customers, now = Customers(store.parts.store, Source(store.policy)), datetime.now(UTC)
    found: list[CustomerView | None] = []
    for start in range(0, len(subjects), AT_ONCE):
        found += await asyncio.gather(*(customers.view(each, now) for each in subjects[start : start + AT_ONCE]))
    views = [each for each in found if each is not None]
    assert len(views) == len(subjects), "somebody is not known"
    return views


def by_stage(views: Iterable[CustomerView]) -> Counter[str | None]:
    return Counter(each.stage for each in views)


def by_segment(views: Iterable[CustomerView]) -> Counter[str]:
    return Counter(segment for each in views for segment in each.segments)
