"""Small named documents outside the customers' shards: policy revisions, API keys and the like.

Each kind is one hash `opportune:<name>`, a field per document, so that `redis-cli HGETALL` shows all of it.
"""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from profiles.connection import refusals_as_unavailable

PREFIX = "opportune:"


class Registry:
    """Every method raises StoreUnavailable if Redis is away or refuses to write."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, name: str, field: str) -> bytes | None:
        with refusals_as_unavailable():
            found: Any = await self._redis.hget(PREFIX + name, field)
        return None if found is None else bytes(found)

    async def some(self, name: str, fields: Sequence[str]) -> dict[str, bytes | None]:
        """Those of these fields, with None for one that is not there."""
        with refusals_as_unavailable():
            found: Any = await self._redis.hmget(PREFIX + name, list(fields))
        return dict(zip(fields, found, strict=True))

    async def all(self, name: str) -> dict[str, bytes]:
        with refusals_as_unavailable():
            found: Any = await self._redis.hgetall(PREFIX + name)
        return {field.decode(): value for field, value in found.items()}

    async def put(self, name: str, field: str, value: bytes) -> None:
        with refusals_as_unavailable():
            await self._redis.hset(PREFIX + name, field, value)

    async def put_new(self, name: str, field: str, value: bytes) -> bool:
        """False, and nothing changed, if there is one already.

        Also False where a retry after a lost answer finds its own document: compare where that matters.
        """
        with refusals_as_unavailable():
            return bool(await self._redis.hsetnx(PREFIX + name, field, value))

    async def delete(self, name: str, field: str) -> bool:
        """Whether there was one."""
        with refusals_as_unavailable():
            return bool(await self._redis.hdel(PREFIX + name, field))
