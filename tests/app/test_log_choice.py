"""A store that gets Kafka later, topics that get more partitions, and a log of which something is gone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from app.errors import StartError
from app.kafka import go_on_from_start
from app.log_choice import ready_for_log
from app.settings import Settings
from consumers.accepting import record_of
from consumers.folding import ProfileFold
from consumers.kafka.admin import ensure_topics
from consumers.kafka.ends import Ends
from consumers.kafka.errors import LogMisfit
from consumers.kafka.settling import Settling
from consumers.kafka.taking import Taking
from consumers.kafka.topics import LogPlan
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from consumers.stopping import Stopping
from profiles.connection import connected
from profiles.store import CustomerStore, Record
from tests.builders import live, purchase
from tests.consumers.line import PARTITIONS, SHARDS, Line, eventually
from tests.kafka_server import KafkaServer

POLICY = live()


@pytest.fixture
async def line(redis_url: str, kafka_server: KafkaServer) -> AsyncIterator[Line]:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 7 * 86_400_000))
    async with connected(redis_url) as redis:
        yield await Line.on(redis, kafka_server.connection)


@pytest.fixture
def settings(kafka_server: KafkaServer) -> Settings:
    ours = {"KAFKA": kafka_server.servers, "KAFKA_PARTITIONS": str(PARTITIONS), "KAFKA_REPLICATION": "1"}
    return Settings.from_env({f"OPPORTUNE_{name}": value for name, value in ours.items()})


def records(first: int, last: int) -> list[Record]:
    return [record_of(purchase(1.0, subject=f"customer:{n % 5}", id=str(n))) for n in range(first, last)]


def loop_of(redis: Redis, store: CustomerStore, line: Line, keep: int = 1_000) -> GuardedLoop:
    fold = ProfileFold(POLICY, line.meter, mark=store.log.position)
    return GuardedLoop(store, RedisStreams(redis, SHARDS, "one", store.log), lambda: fold, line.meter, keep, 20)


async def spent(store: CustomerStore) -> list[int]:
    found = await store.read_all(f"customer:{n}" for n in range(5))
    key = POLICY.definition.features["spend"].key
    return [int(each.profile.features.get(key, 0)) for each in found.values()]


async def test_a_store_may_get_kafka_later_and_nothing_is_lost_or_doubled(line: Line, settings: Settings) -> None:
    """What was folded and is still kept in the outbox does not come back; what was not folded goes through Kafka."""
    embedded = await CustomerStore.open(line.redis, SHARDS)
    await embedded.append(records(0, 2_000))
    loop = loop_of(line.redis, embedded, line)
    while sum(await spent(embedded)) < 2_000:
        await loop.step()
    await embedded.append(records(2_000, 2_100))

    assert await ready_for_log(settings, line.store, Stopping())
    line.most_waiting_ms = 2_000
    through_kafka = loop_of(line.redis, line.store, line)
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(2_100, 2_200))
        async with asyncio.timeout(60):
            while sum(await spent(line.store)) < 2_200:
                await through_kafka.step()
    assert await spent(line.store) == [440] * 5
    assert await line.length() == 200


async def test_a_store_does_not_go_back_to_its_outboxes(line: Line, settings: Settings) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 10))
        await line.until(10)
        await loop_of(line.redis, line.store, line).step()
    embedded = await CustomerStore.open(line.redis, SHARDS)
    with pytest.raises(StartError, match="the log of this store is in Kafka"):
        await ready_for_log(replace(settings, kafka=()), embedded, Stopping())


async def test_a_relay_with_more_partitions_waits_for_what_was_written_before(
    line: Line, settings: Settings, kafka_server: KafkaServer
) -> None:
    ends = Ends(line.connection)

    def settling(partitions: int) -> Settling:
        return Settling(line.store, Taking(line.store, line.meter), ends, partitions)

    assert await settling(PARTITIONS).is_settled()
    async with line.relaying():
        await line.store.append(records(0, 200))
        await eventually(lambda: _empty(line), "the outbox is in Kafka")
    await kafka_server.add_partitions(PARTITIONS * 2)
    more = settling(PARTITIONS * 2)
    assert not await more.is_settled()
    async with line.running(line.intake()):
        await line.until(200)
        await eventually(more.is_settled, "what was there is taken in", 5)
    assert await settling(PARTITIONS * 2).is_settled()
    await ends.close()


async def _empty(line: Line) -> bool:
    return await line.length("out") == 0


async def test_what_is_gone_is_given_up_only_by_hand(line: Line, settings: Settings, kafka_server: KafkaServer) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 10))
        await line.until(10)
        await asyncio.sleep(1.2)
    async with line.relaying():
        await line.store.append(records(10, 400))
        await eventually(lambda: _empty(line), "the outbox is in Kafka")
    (left,) = await go_on_from_start(settings, line.store, "responses")
    assert left == "responses: nothing is gone; every shard goes on where it is"
    await kafka_server.delete_records({("interactions", number): 60 for number in range(PARTITIONS)})
    with pytest.raises(LogMisfit, match="its retention has passed"):
        await line.intake().run()
    told = await go_on_from_start(settings, line.store, "interactions")
    assert told == [f"interactions, partition {number}: {SHARDS} shards go on from 60" for number in range(PARTITIONS)]
    async with line.running(line.intake()):
        await line.until(10 + 400 - 60 * PARTITIONS)
        await asyncio.sleep(0.5)
    assert len(set(await line.ids())) == await line.length() == 10 + 400 - 60 * PARTITIONS
    with pytest.raises(StartError, match="nothing is taken in from a topic `interaction`"):
        await go_on_from_start(settings, line.store, "interaction")
