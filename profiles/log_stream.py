"""Which stream of a shard is its log: what workers fold, trim and sweep.

Without Kafka it is the outbox itself. With Kafka the outbox is moved there, and the log is what comes back from its
topics (docs/decisions/0030-kafka-is-taken-in-by-shard.md). Whoever has a store asks it for its `log`.
"""

from dataclasses import dataclass

from profiles import keys


@dataclass(frozen=True, slots=True)
class LogStream:
    name: str
    position: str
    """The field of the guard, and the mark in profiles, that says how far it has been folded. Each log has its own, so
    that a store which gets Kafka later begins its new log with nothing passed over."""

    def key(self, shard: int, space: str = keys.LIVE) -> str:
        return keys.named(shard, self.name, space)


OUTBOX = LogStream("out", "off:out:0")
TAKEN_IN = LogStream("log", "off:log:0")
"""What the intake has taken in from Kafka."""
