"""An app backend that produces to Kafka itself, with a client, keys and partitions of its own."""

import asyncio
import random
from contextlib import suppress
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from profiles.dead_letters import place_in_kafka

AGAIN_AFTER_S = 0.2
ANSWER_WITHIN_S = 45.0
"""A little longer than the producer tries itself."""
MOST_AT_ONCE = 200
Headers = list[tuple[str, bytes]]


class Backend:
    """Sends everything until it is acknowledged, so that a record may come twice."""

    def __init__(self, servers: str, chance: random.Random, partitions: int) -> None:
        self._servers = servers
        self._chance = chance
        self._partitions = partitions
        self._producer: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self.again = 0

    async def say(self, topic: str, value: bytes | None, headers: Headers) -> str:
        """Where the record stands in Kafka."""
        async with self._room:
            producer = await self.start()
            while True:
                try:
                    where = self._anywhere()
                    if value is None:  # the client library takes no record that is all nothing
                        where["key"] = where["key"] or b"mine"
                    send = producer.send_and_wait(topic, value, headers=headers, **where)
                    said = await asyncio.wait_for(send, ANSWER_WITHIN_S)
                except (TimeoutError, KafkaError, OSError):
                    self.again += 1
                    await asyncio.sleep(AGAIN_AFTER_S)
                    continue
                return place_in_kafka(topic, said.partition, said.offset)

    async def event(self, event: dict[str, Any], topic: str = "interactions") -> str:
        """In structured or binary mode, by chance."""
        if self._chance.random() < 0.5:
            return await self.say(topic, orjson.dumps(event), [])
        attributes = {name: value for name, value in event.items() if name != "data"}
        headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
        return await self.say(topic, orjson.dumps(event["data"]), [*headers, ("content-type", b"application/json")])

    def _anywhere(self) -> dict[str, Any]:
        """No key, or any, on any partition."""
        key = self._chance.choice((None, b"", b"mine", str(self._chance.random()).encode()))
        return {"key": key, "partition": self._chance.randrange(self._partitions)}

    async def start(self) -> AIOKafkaProducer:
        """While brokers are there: later they may be away."""
        async with self._making:
            if self._producer is None:
                made = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all", linger_ms=2)
                await made.start()
                self._producer = made
            return self._producer

    async def close(self) -> None:
        """Everything is acknowledged; `stop` may wait all the same, for brokers that are away."""
        if self._producer is not None:
            with suppress(TimeoutError, KafkaError, OSError):
                await asyncio.wait_for(self._producer.stop(), ANSWER_WITHIN_S)
