"""What all share who read from Kafka: the name of a partition, a record as it stands there, and how a consumer ends."""

import asyncio
import logging
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from consumers.dead_letters import InKafka
from consumers.kafka.connection import is_closed

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
    """Takes twice `within_s` at most.

    aiokafka's stop may hang, may fail where nothing answers, and ends as if it were cancelled where it meets a fetch in
    the pause after a failure: then its connections are still open (`_client` is private: this is tested against the
    version in the lock file). Only who is cancelled here is cancelled.
    """
    if consumer is None:
        return
    stopping = asyncio.create_task(consumer.stop())
    try:
        await asyncio.wait({stopping}, timeout=within_s)
    finally:
        stopping.cancel()
    await asyncio.wait({stopping}, timeout=within_s)
    cause = TimeoutError() if not stopping.done() or stopping.cancelled() else stopping.exception()
    if cause is not None and not isinstance(cause, (TimeoutError, KafkaError, OSError)) and not is_closed(cause):
        raise cause
    if cause is not None:
        log.warning("a consumer did not stop in time", extra={"cause": repr(cause)})
        await consumer._client.close()
