"""Links that a request has made and no log has confirmed yet. Only who reads goes by them, never a fold.

A request that names a customer and a cookie must not wait for a worker to join them: the next one that names the cookie
alone has to see what the customer was offered. So each of the two keeps, beside its profile, what the other is to it,
from the moment of the request until its own log has said so (lua/commit.lua, profiles/people.py).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from msgspec import Struct


class Linking(Struct, frozen=True):
    """What one identifier knows ahead of its log."""

    owner: str | None = None
    """Who has claimed it; the claim stands in its log."""
    sources: tuple[str, ...] = ()
    """Weaker ones whose parts were counted when something was decided."""

    @staticmethod
    def loads(text: bytes) -> "Linking":
        found: Mapping[str, Any] = orjson.loads(text)
        return Linking(found.get("owner"), tuple(found.get("sources", ())))


class Links(Struct, frozen=True):
    """What a commit changes of it."""

    owner: str | None = None
    """The new one; None leaves it."""
    sources: Iterable[str] = ()
    """They are added."""
    settled: Iterable[str] = ()
    """What is known of them needs no longer be known ahead: their link is folded, or none."""

    def dumps(self) -> bytes:
        lists = {"sources": sorted(self.sources), "settled": sorted(self.settled)}
        return orjson.dumps({**lists, "owner": self.owner} if self.owner else lists)
