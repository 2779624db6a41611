"""Small named documents in a real Redis."""

import asyncio

import pytest

from profiles.connection import connect, connected
from profiles.errors import StoreUnavailable
from profiles.registry import Registry


def test_documents_are_put_once_or_over_and_taken_away(redis_url: str) -> None:
    async def story() -> None:
        async with connected(redis_url) as redis:
            registry = Registry(redis)
            assert await registry.get("keys", "a") is None
            assert await registry.put_new("keys", "a", b"1")
            assert not await registry.put_new("keys", "a", b"2")
            await registry.put("keys", "b", b"3")
            await registry.put("keys", "b", b"4")
            assert await registry.all("keys") == {"a": b"1", "b": b"4"}
            assert await registry.delete("keys", "a")
            assert not await registry.delete("keys", "a")
            assert await redis.hgetall("opportune:keys") == {b"b": b"4"}

    asyncio.run(story())


def test_a_redis_that_is_away_is_said_to_be_unavailable() -> None:
    registry = Registry(connect("unix:///tmp/opp-nobody-listens.sock"))
    with pytest.raises(StoreUnavailable):
        asyncio.run(registry.get("keys", "a"))
