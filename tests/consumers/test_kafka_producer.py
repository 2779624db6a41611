"""The producer: everything in order, through outages short and long, and never anything that hangs."""

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from consumers.kafka.connection import Connection
from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.messages import Message, message
from consumers.kafka.producer import Producer
from consumers.kafka.topics import LogPlan, partition_of
from profiles.store import Record
from tests.kafka_server import KafkaServer

PARTITIONS = 4
TOPIC = "responses"


@pytest.fixture
async def log(kafka_server: KafkaServer) -> AsyncIterator[KafkaServer]:
    from consumers.kafka.admin import ensure_topics

    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    yield kafka_server
    if not kafka_server.running:
        kafka_server.start_node(1)
        await kafka_server.ready()


def messages(first: int, last: int) -> list[Message]:
    """With the ids from `first` to before `last`; the shard is the last digit."""
    return [
        message(Record(TOPIC, f"r-{number}", f"customer:{number % 10}", b"{}"), shard=number % 10, taken_ms=0)
        for number in range(first, last)
    ]


async def ids_by_partition(log: KafkaServer) -> dict[int, list[int]]:
    """The numbers in the ids, in the order in which they stand."""
    found: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
    for each in await log.records(TOPIC, PARTITIONS):
        found[each.partition].append(int(dict(each.headers)["ce_id"].removeprefix(b"r-")))
    return found


def expected(last: int) -> dict[int, list[int]]:
    return {
        number: [each for each in range(last) if partition_of(each % 10, PARTITIONS) == number]
        for number in range(PARTITIONS)
    }


async def test_each_record_once_in_its_partition_in_order(log: KafkaServer) -> None:
    producer = Producer(log.connection, PARTITIONS)
    await producer.send(messages(0, 5_000))
    await producer.send(messages(5_000, 5_001))
    await producer.close()

    assert await ids_by_partition(log) == expected(5_001)
    (first, *_) = await log.records(TOPIC, PARTITIONS)
    assert first.key.startswith(b"customer:")
    assert first.timestamp_type == 1, "when the log took it"


async def test_a_short_outage_is_sat_out_and_doubles_nothing(log: KafkaServer) -> None:
    producer = Producer(log.connection, PARTITIONS, within_s=90)
    await producer.send(messages(0, 100))
    log.kill_node(1)
    sending = asyncio.create_task(producer.send(messages(100, 3_000)))
    await asyncio.sleep(0.5)  # it tries meanwhile
    log.start_node(1)
    await log.ready()
    await sending
    await producer.close()

    assert producer.made == 1
    assert await ids_by_partition(log) == expected(3_000)


async def test_after_a_long_outage_a_new_producer_sends_all_again(log: KafkaServer) -> None:
    producer = Producer(log.connection, PARTITIONS, within_s=90)
    await producer.send(messages(0, 100))
    log.kill_node(1)
    impatient = Producer(log.connection, PARTITIONS, within_s=90)
    producer._within_s = 2.0
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match="has not answered within 2 s"):
        await producer.send(messages(100, 300))
    assert time.monotonic() - began < 15
    with pytest.raises(LogUnavailable):
        await impatient.send(messages(100, 300))

    log.start_node(1)
    await log.ready()
    producer._within_s = 90.0
    await producer.send(messages(100, 300))
    await producer.close()

    assert producer.made == 2
    found = await ids_by_partition(log)
    assert {number: list(dict.fromkeys(ids)) for number, ids in found.items()} == expected(300)


async def test_nothing_is_left_running_after_trouble(log: KafkaServer) -> None:
    before = asyncio.all_tasks()
    producer = Producer(log.connection, PARTITIONS, within_s=3)
    await producer.send(messages(0, 10))
    log.kill_node(1)
    with pytest.raises(LogUnavailable):
        await producer.send(messages(10, 20))
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before


async def test_a_call_that_is_cancelled_leaves_a_producer_that_works(log: KafkaServer) -> None:
    for after_s in (0.0, 0.003, 0.01, 0.02, 0.05):  # while it starts, and while it sends
        producer = Producer(log.connection, PARTITIONS)
        sending = asyncio.create_task(producer.send(messages(0, 20_000)))
        await asyncio.sleep(after_s)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

        await producer.send(messages(0, 200))
        await producer.close()
        gc.collect()  # which complains of a connection that was left open
    found = await ids_by_partition(log)
    assert all(set(expected(200)[number]) <= set(ids) for number, ids in found.items())


async def test_a_record_larger_than_the_topic_takes_is_said(log: KafkaServer) -> None:
    producer = Producer(log.connection, PARTITIONS)
    large = Message(TOPIC, 0, b"customer:0", os.urandom(5 << 20), ())
    with pytest.raises(LogMisfit, match="larger than the topic takes"):
        await producer.send([large])

    await producer.send([Message(TOPIC, 0, b"customer:0", os.urandom(3 << 20), ())])
    await producer.close()


async def test_another_number_of_partitions_is_refused(log: KafkaServer) -> None:
    producer = Producer(log.connection, 8)

    with pytest.raises(LogMisfit, match="the topic responses has 4 partitions, and 8 are expected"):
        await producer.send(messages(0, 1))


def test_the_slow_client_is_refused() -> None:
    code = "from consumers.kafka.connection import require_fast_client; require_fast_client()"
    environ = {**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)

    assert "LogMisfit: aiokafka runs without its C extension" in done.stderr


async def test_no_broker_at_all_is_said_at_once() -> None:
    producer = Producer(Connection(("127.0.0.1:1",)), PARTITIONS)

    with pytest.raises(LogUnavailable, match="Unable to bootstrap"):
        await producer.send(messages(0, 1))
