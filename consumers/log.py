"""The log as workers see it: the outboxes, or what comes back from Kafka.

The log has parts, each in order. A worker owns some of them, reads each after its own position, and keeps that
position in Redis beside the profiles (consumers/loop.py), never in the log.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class LogRecord(Struct, frozen=True):
    topic: str
    offset: int
    """Grows along a part; not necessarily without gaps."""
    at_ms: int
    """When the log took it."""
    id: str
    subject: str
    body: bytes
    origin: str = ""
    """Where it stands in Kafka, `<partition>:<offset>` of its topic; empty without Kafka."""
    first_ms: int = 0
    """Of a dead letter that was put back: when a log took it first. It is of the life that its subject had then."""


class EventLog(Protocol):
    async def owned(self) -> frozenset[int]:
        """The shards whose part of the log is this worker's now."""

    async def read(self, positions: Mapping[int, int], most: int, wait_ms: int) -> dict[int, list[LogRecord]]:
        """Up to `most` records after the position of each shard; waits for the first if there is none."""

    async def read_ahead(self, positions: Mapping[int, int], most: int) -> None:
        """Says where the next `read` will most likely go on, so that what is there may come meanwhile."""

    async def leave(self) -> None:
        """Gives everything back, so that others take over at once."""
