"""Customers in Redis, as the API finds them."""

from datetime import datetime
from typing import Any

from redis.asyncio import Redis

from bench.load import shop
from bench.profiles import HISTORY
from consumers.live import LivePolicy
from profiles import keys
from profiles.store import CustomerStore

AT_ONCE = 5_000


def subject(number: int) -> str:
    return f"customer:c{number:07d}"


async def settle(redis: Redis, store: CustomerStore, customers: int, policy: LivePolicy, now: datetime) -> bytes:
    """Gives each a profile and a ledger; one of the profiles."""
    profiles, ledgers = shop.profiles_and_ledgers(policy, now)
    for start in range(0, customers, AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for number in range(start, min(start + AT_ONCE, customers)):
            profile, ledger = profiles[number % len(profiles)], ledgers[number % len(ledgers)]
            about: dict[Any, Any] = {"version": f"{HISTORY}-a3f9c1", "profile": profile, "ledger": ledger}
            pipeline.hset(_key(store, number), mapping=about)
        await pipeline.execute()
    return profiles[0]


async def bytes_each(redis: Redis, store: CustomerStore, customers: int) -> float:
    """In Redis, of some."""
    pipeline = redis.pipeline(transaction=False)
    for number in range(min(customers, 1_000)):
        pipeline.memory_usage(_key(store, number))
    sizes: list[int] = await pipeline.execute()
    return sum(sizes) / len(sizes)


def _key(store: CustomerStore, number: int) -> str:
    return keys.customer(store.shard(subject(number)), subject(number))
