"""What the benchmark writes to Kafka: interactions as the API accepts them, as the relay sends them."""

import random
from collections.abc import Iterator, Sequence

import orjson
from msgspec.structs import replace

from bench.profiles import an_interaction
from consumers.kafka.messages import Message, message
from consumers.kafka.producer import Producer
from consumers.live import LivePolicy
from profiles.shards import shard_of
from profiles.store import Record
from schemas.interaction import to_cloud_event

AT_ONCE = 5_000


class Traffic:
    """Interactions of customers who take turns, `visit` at a time; the first is at `from_ms`, one each millisecond."""

    def __init__(self, policy: LivePolicy, customers: int, shards: int, from_ms: int, visit: int = 5) -> None:
        self._policy = policy
        self._customers = customers
        self._shards = shards
        self._next_ms = from_ms
        self._visit = visit
        self._chance = random.Random(7)
        self.made = 0

    def subject(self) -> str:
        return f"customer:c{(self.made // self._visit) % self._customers:07d}"

    def some(self, count: int) -> list[Message]:
        return [self.one(self.subject()) for _ in range(count)]

    def one(self, subject: str) -> Message:
        made = an_interaction(self._chance, self._next_ms, subject, self._next_ms)
        typed = replace(self._policy.definition.typed(made), policy=self._policy.revision)
        record = Record("interactions", typed.identity, subject, orjson.dumps(to_cloud_event(typed)))
        self.made += 1
        self._next_ms += 1
        return message(record, shard_of(subject, self._shards), self._next_ms)


def _parts(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), AT_ONCE):
        yield messages[start : start + AT_ONCE]


async def produce(producer: Producer, messages: Sequence[Message]) -> None:
    for part in _parts(messages):
        await producer.send(part)
