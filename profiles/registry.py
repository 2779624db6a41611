"""Small named documents outside the customers' shards: policy revisions, API keys and the like.

Each kind is one hash `opportune:<name>`, a field per document, so that `redis-cli HGETALL` shows all of it. Where
several people change one of them, each change requires the version that was seen, and says so in a log in the same
step: `{opportune:<name>}-audit`, a stream that is never cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from profiles.connection import refusals_as_unavailable
from profiles.scripts import source

PREFIX = "opportune:"


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of a log. The cursor is where it stands; the time is that of Redis."""

    cursor: str
    at_ms: int
    values: Mapping[str, str]


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

    async def now_ms(self) -> int:
        """The one clock that all processes share."""
        with refusals_as_unavailable():
            seconds, micros = await self._redis.time()
        return int(seconds) * 1_000 + int(micros) // 1_000

    async def change(
        self, name: str, seen: int, token: str, values: Mapping[str, str], entry: Mapping[str, str]
    ) -> bool:
        """Writes the values and logs the entry in one step. False, and nothing changed, if the version (`version`, of
        none 0) is not the one that was seen. May be repeated with the same token: it happens once."""
        texts = [text for pair in values.items() for text in pair]
        told = [text for pair in entry.items() for text in pair]
        args = [str(seen), token, str(len(texts)), *texts, *told]
        with refusals_as_unavailable():
            done: Any = await self._redis.eval(source("change"), 2, PREFIX + name, _log(name), *args)
        return bool(done == b"OK")

    async def logged(self, name: str, after: str | None, count: int) -> list[Logged]:
        """Entries behind the cursor, oldest first; from the first one without it."""
        start = f"({after}" if after else "-"
        with refusals_as_unavailable():
            found: Any = await self._redis.xrange(_log(name), start, "+", count)
        return [_read(identity, fields) for identity, fields in found]

    async def logged_last(self, name: str, count: int) -> list[Logged]:
        """The latest entries, oldest of them first."""
        with refusals_as_unavailable():
            found: Any = await self._redis.xrevrange(_log(name), "+", "-", count)
        return [_read(identity, fields) for identity, fields in reversed(found)]


def _log(name: str) -> str:
    """In the slot of its document."""
    return f"{{{PREFIX}{name}}}-audit"


def _read(identity: bytes, fields: Mapping[bytes, bytes]) -> Logged:
    cursor = identity.decode()
    values = {name.decode(): value.decode() for name, value in fields.items()}
    return Logged(cursor, int(cursor.partition("-")[0]), values)
