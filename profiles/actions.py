"""Reading actions: the streams of all shards as one, behind a cursor.

The cursor holds a position for each shard that has said something, so that nothing is passed over, whichever shard
says it late.
"""

import binascii
import zlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from profiles import keys
from profiles.store import CustomerStore

Position = tuple[int, int]
"""Of an entry in its stream: milliseconds and number."""
START: Position = (0, 0)
LARGEST = 2**63
PAGE = 500
"""Entries that are read of each shard at once."""


class BadCursor(ValueError):  # noqa: N818
    """What was given is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Read:
    """Bodies of actions in the order in which they were taken, and how far each shard was read."""

    bodies: tuple[bytes, ...]
    positions: Mapping[int, Position]
    more: bool


class ActionStreams:
    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    def shards_of(self, subject: str | None) -> tuple[int, ...]:
        """The shards in which somebody's actions stand; of everybody, all of them."""
        return tuple(range(self._store.shards)) if subject is None else (self._store.shard(subject),)

    async def latest(self) -> dict[int, Position]:
        """Behind all that there is now."""
        batch = self._store.scripts.batch()
        for shard in range(self._store.shards):
            batch.add("XREVRANGE", keys.actions(shard), "+", "-", "COUNT", 1)
        answers = await batch.run()
        return {shard: _position(found[0][0]) for shard, found in enumerate(answers) if found}

    async def read(
        self, shards: Sequence[int], positions: Mapping[int, Position], fits: Callable[[bytes], bool], most: int
    ) -> Read:
        """Up to `most` actions that fit, out of at most PAGE of each shard. Raises StoreUnavailable."""
        batch = self._store.scripts.batch()
        for shard in shards:
            ms, number = positions.get(shard, START)
            batch.add("XRANGE", keys.actions(shard), f"({ms}-{number}", "+", "COUNT", PAGE)
        pages = dict(zip(shards, await batch.run(), strict=True))
        found: list[bytes] = []
        reached, waiting = dict(positions), sum(map(len, pages.values()))
        for position, shard, body in _in_order(pages):
            reached[shard] = position
            waiting -= 1
            if fits(body):
                found.append(body)
            if len(found) == most:
                break
        full = any(len(page) == PAGE for page in pages.values())
        return Read(tuple(found), reached, waiting > 0 or full)


def _in_order(
    pages: Mapping[int, Sequence[tuple[bytes, Mapping[bytes, bytes]]]],
) -> Iterator[tuple[Position, int, bytes]]:
    """By time; no further than the first shard of which there may be more."""
    entries = sorted(
        (_position(stream_id), shard, fields[b"body"]) for shard, page in pages.items() for stream_id, fields in page
    )
    ends = [_position(page[-1][0]) for page in pages.values() if len(page) == PAGE]
    for entry in entries:
        if ends and entry[0] > min(ends):
            return
        yield entry


def _position(stream_id: bytes) -> Position:
    ms, _, number = stream_id.decode().partition("-")
    return int(ms), int(number)


def cursor_of(positions: Mapping[int, Position]) -> str:
    text = ";".join(f"{shard}:{ms}-{number}" for shard, (ms, number) in sorted(positions.items()))
    return urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def positions_of(cursor: str) -> dict[int, Position]:
    """Raises BadCursor."""
    try:
        packed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        whole = zlib.decompressobj()
        text = whole.decompress(packed, LONGEST_CURSOR).decode()
        if not whole.eof:
            raise BadCursor("this cursor is cut off")
        return dict(_parsed(each) for each in text.split(";") if each)
    except (binascii.Error, zlib.error, ValueError) as cause:
        raise BadCursor("this is no cursor of ours") from cause


LONGEST_CURSOR = 500_000
"""Characters of the positions of ten thousand shards, and more."""


def _parsed(text: str) -> tuple[int, Position]:
    shard, _, position = text.partition(":")
    ms, _, number = position.partition("-")
    numbers = int(shard), int(ms), int(number)
    if not all(0 <= each < LARGEST for each in numbers):
        raise ValueError("no position of a stream")
    return numbers[0], numbers[1:]
