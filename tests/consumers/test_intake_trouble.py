"""The intake while brokers, Redis or its own consumer are in trouble."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from consumers.kafka import intake, progress
from consumers.kafka.admin import ensure_topics
from consumers.kafka.connection import Connection
from consumers.kafka.errors import LogMisfit
from consumers.kafka.member import Member, Portion
from consumers.kafka.ordering import TOPICS
from consumers.kafka.reading import Part
from consumers.kafka.topics import LogPlan
from profiles.connection import connected
from tests.consumers.line import PARTITIONS, Line, eventually
from tests.consumers.test_intake import expected, in_order, records
from tests.kafka_server import KafkaServer
from tests.servers import RedisServer

DAY_MS = 86_400_000


@pytest.fixture
async def kafka(kafka_server: KafkaServer) -> AsyncIterator[KafkaServer]:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, DAY_MS))
    yield kafka_server
    if not kafka_server.running:
        kafka_server.start_node(1)
        await kafka_server.ready()


@pytest.fixture
async def line(redis_url: str, kafka: KafkaServer) -> AsyncIterator[Line]:
    async with connected(redis_url) as redis:
        yield await Line.on(redis, kafka.connection)


async def test_a_rebalance_that_takes_everything_leaves_nothing_to_note(kafka: KafkaServer) -> None:
    member = Member(kafka.connection, "g", TOPICS)
    await member.join()

    async def has_all() -> bool:
        return len(member.assigned) == len(TOPICS) * PARTITIONS

    await eventually(has_all, "it has joined")
    await member.on_partitions_revoked(None)
    await member.note({Part("interactions", 0): 0})
    await member.leave()


async def test_a_broker_that_dies_and_comes_back(line: Line, kafka: KafkaServer) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 500))
        await line.until(500)
        kafka.kill_node(1)
        await line.store.append(records(500, 1_000))
        await asyncio.sleep(4)
        kafka.start_node(1)
        await kafka.ready()
        began = time.monotonic()
        await line.until(1_000)
        assert time.monotonic() - began < 30
        await line.store.append(records(1_000, 1_100))
        await line.until(1_100)
    assert sorted(await line.ids()) == expected(1_100)
    await in_order(line)


async def test_a_redis_that_dies_and_comes_back_empty(kafka: KafkaServer) -> None:
    with RedisServer() as server:
        async with connected(server.url, retries=0) as redis:
            line = await Line.on(redis, kafka.connection)
            async with line.relaying():
                await line.store.append(records(0, 2_000))
                await eventually(lambda: _moved(line), "all is in Kafka")
            async with line.running(line.intake()):
                await line.until(200)
                server.kill()
                await asyncio.sleep(2)
                server.start()
                await line.until(2_000)
                await asyncio.sleep(1.2)
            assert sorted(await line.ids()) == expected(2_000)
            await in_order(line)
            assert line.meter.counts["intake_failures"] > 0


async def _moved(line: Line) -> bool:
    return await line.length("out") == 0


class StandsStill(Member):
    """As aiokafka may after a broker has restarted: it lives, and asks for nothing."""

    async def fetch(self, parts: Iterable[Part], wait_s: float, most: int) -> dict[Part, Portion]:
        await asyncio.sleep(wait_s)
        return {}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "STUCK_AFTER_S", 1.0)
    monkeypatch.setattr(intake, "LOOK_EVERY_S", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_consumer_that_stands_still_is_made_anew(line: Line) -> None:
    made: list[Member] = []

    def make() -> Member:
        kind = Member if made else StandsStill
        made.append(kind(line.connection, line.group, TOPICS))
        return made[-1]

    running = line.intake(make=make)
    async with line.running(running), line.relaying():
        await line.store.append(records(0, 50))
        await eventually(lambda: _is(running.is_stuck), "it is noticed", 20)
        await line.until(50)
        await eventually(lambda: _is(not running.is_stuck), "it is well again", 5)
    assert len(made) == 2
    assert line.meter.counts["intake_renewals"] == 1


async def _is(value: Any) -> bool:
    return bool(value)


@pytest.mark.usefixtures("impatient")
async def test_where_new_consumers_do_not_help_the_process_ends_and_says_so(line: Line) -> None:
    async with line.relaying():
        await line.store.append(records(0, 50))
        running = line.intake(make=lambda: StandsStill(line.connection, line.group, TOPICS))
        with pytest.raises(LogMisfit, match="nothing was taken in though there is more, and 2 new consumers have not"):
            async with asyncio.timeout(60):
                await running.run()


@pytest.mark.usefixtures("impatient")
async def test_kafka_that_is_away_is_no_reason_to_end(line: Line, kafka: KafkaServer) -> None:
    running = line.intake()
    async with line.running(running), line.relaying():
        await line.store.append(records(0, 50))
        await line.until(50)
        kafka.kill_node(1)
        await asyncio.sleep(8)
        assert not running.is_stuck
        assert time.monotonic() - running.stepped < 5
        kafka.start_node(1)
        await kafka.ready()
        await line.store.append(records(50, 60))
        await line.until(60)


async def test_no_broker_at_all_is_waited_for(line: Line) -> None:
    line.connection = Connection(("127.0.0.1:1",))
    running = line.intake()
    async with line.running(running):
        await asyncio.sleep(1)
    assert line.meter.counts["intake_failures"] >= 1


async def test_two_of_one_name_take_each_record_once(line: Line) -> None:
    """A mistake of whoever names them: it costs rest, and no record."""
    async with line.running(line.intake("same"), line.intake("same")), line.relaying():
        for start in range(0, 1_000, 100):
            await line.store.append(records(start, start + 100))
            await asyncio.sleep(0.5)
        await line.until(1_000)
    assert sorted(await line.ids()) == expected(1_000)
    await in_order(line)
