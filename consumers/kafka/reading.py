"""What all share who read from Kafka: the name of a partition, a record as it stands there, and how a consumer ends."""

import asyncio
import logging
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from consumers.dead_letters import InKafka

log = logging.getLogger(__name__)


class Part(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


def in_kafka(one: Any) -> InKafka:
    """Of aiokafka's ConsumerRecord."""
    return InKafka(one.topic, one.partition, one.offset, one.timestamp, one.key, tuple(one.headers), one.value)


async def stopped(consumer: AIOKafkaConsumer | None, within_s: float) -> None:
    """aiokafka's stop may hang, and may fail where nothing answers."""
    if consumer is None:
        return
    try:
        await asyncio.wait_for(consumer.stop(), within_s)
    except (TimeoutError, KafkaError, OSError) as cause:
        log.warning("a consumer did not stop in time", extra={"cause": repr(cause)})
