"""An outage of a real Kafka, seen by callers: interactions are put off in time, decisions go on, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from consumers.kafka.admin import ensure_topics
from consumers.kafka.producer import Producer
from consumers.kafka.topics import LogPlan
from consumers.relay import Relay
from profiles.connection import connected
from profiles.store import CustomerStore
from tests.app.serving import Api, api_on
from tests.app.test_room import kind, until
from tests.consumers.conftest import SHARDS, Counted
from tests.consumers.test_relay_kafka import PARTITIONS, until_moved
from tests.kafka_server import KafkaServer

MOST = 300


@pytest.fixture
async def kafka(kafka_server: KafkaServer) -> AsyncIterator[KafkaServer]:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    yield kafka_server
    if not kafka_server.running:
        kafka_server.start_node(1)
        await kafka_server.ready()


async def test_an_outage_of_kafka(kafka: KafkaServer, redis_url: str) -> None:
    async with connected(redis_url) as redis, api_on(redis_url, OUTBOX_MOST=str(MOST), KAFKA=kafka.servers) as api:
        store = await CustomerStore.open(redis, SHARDS)
        producer, meter = Producer(kafka.connection, PARTITIONS, within_s=3), Counted()
        relay = Relay(store, lambda: frozenset(range(SHARDS)), producer, meter)
        running = asyncio.create_task(relay.run())
        accepted = await ingested(api, 100)
        kafka.kill_node(1)
        while (answer := await api.ingest(10)).status_code == 202:
            accepted += range(api.sent - 9, api.sent + 1)
            await asyncio.sleep(0.02)
        assert kind(answer) == (429, "/problems/no-room", "5")
        decided = [(await api.decide(f"d{number}")).json()["decision"] for number in range(20)]
        assert (await api.ingest()).status_code == 429
        await asyncio.sleep(1.5)
        assert meter.gauges["relay_waiting"] > MOST
        assert meter.gauges["relay_oldest_seconds"] > 1

        kafka.start_node(1)
        await kafka.ready()
        await until(202, api.ingest)
        accepted.append(api.sent)
        await until_moved(redis)
        relay.stop()
        await running
        await producer.close()

    there = await kafka.records("interactions", PARTITIONS)
    assert {orjson.loads(each.value or b"")["id"] for each in there} == {f"e-{number}" for number in accepted}
    assert {dict(each.headers)["ce_id"].decode() for each in await kafka.records("decisions", PARTITIONS)} == set(
        decided
    )


async def ingested(api: Api, count: int) -> list[int]:
    assert (await api.ingest(count)).status_code == 202
    return list(range(1, api.sent + 1))
