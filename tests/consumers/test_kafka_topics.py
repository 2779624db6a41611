"""The topics: created as planned, found as they are, refused with everything that differs."""

import pytest

from consumers.kafka.admin import check_topics, ensure_topics
from consumers.kafka.connection import Connection
from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.topics import LogPlan, Shape, differences, summary
from schemas.topics import TOPICS
from tests.kafka_server import KafkaServer

DAY_MS = 86_400_000
PLAN = LogPlan(partitions=4, replication=1, retention_ms=7 * DAY_MS)
NAMES = [topic.name for topic in TOPICS]


def test_what_the_plan_says_of_each_topic() -> None:
    shapes = LogPlan(partitions=16, replication=3, retention_ms=7 * DAY_MS).shapes()

    assert {(shape.partitions, shape.replication) for shape in shapes.values()} == {(16, 3)}
    assert {shape.config["min.insync.replicas"] for shape in shapes.values()} == {"2"}
    kept = {name: int(shape.config["retention.ms"]) for name, shape in shapes.items()}
    assert kept == dict.fromkeys(NAMES, 7 * DAY_MS) | {"dead-letters": 30 * DAY_MS, "erasures": -1}


def test_dead_letters_are_kept_as_long_as_what_they_came_from() -> None:
    shapes = LogPlan(16, 3, retention_ms=90 * DAY_MS).shapes()

    assert shapes["dead-letters"].config["retention.ms"] == str(90 * DAY_MS)


def test_every_difference_is_named() -> None:
    wanted = PLAN.shapes()["decisions"]
    found = Shape(8, 3, {**wanted.config, "cleanup.policy": "compact", "retention.ms": "1000"})

    assert differences("decisions", wanted, wanted) == []
    assert differences("decisions", wanted, found) == [
        "decisions: partitions is 8, and must be 4",
        "decisions: replication is 3, and must be 1",
        "decisions: cleanup.policy is compact, and must be delete",
        "decisions: retention.ms is 1000, and must be 604800000",
    ]


def test_the_summary_is_one_line_for_each() -> None:
    lines = summary(PLAN.shapes(), made=["decisions"])

    assert lines[1] == "decisions     created: 4 partitions, 1 copy, kept 7 days"
    assert lines[5] == "erasures      as it must be: 4 partitions, 1 copy, kept for ever"


async def test_topics_are_created_once_and_then_as_they_must_be(kafka_server: KafkaServer) -> None:
    await kafka_server.delete_topics()
    with pytest.raises(LogMisfit, match="there is no topic interactions, decisions"):
        await check_topics(kafka_server.connection, PLAN)

    assert await ensure_topics(kafka_server.connection, PLAN) == NAMES
    assert await ensure_topics(kafka_server.connection, PLAN) == []
    await check_topics(kafka_server.connection, PLAN)


async def test_a_topic_that_differs_is_refused_and_nothing_is_created(kafka_server: KafkaServer) -> None:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(2, 1, DAY_MS))

    with pytest.raises(LogMisfit) as caught:
        await ensure_topics(kafka_server.connection, PLAN)

    assert "\n  interactions: partitions is 2, and must be 4" in str(caught.value)
    assert "\n  responses: retention.ms is 86400000, and must be 604800000" in str(caught.value)
    assert "OPPORTUNE_KAFKA_PARTITIONS" in caught.value.hint


async def test_too_few_brokers_are_said_with_what_to_do(kafka_server: KafkaServer) -> None:
    await kafka_server.delete_topics()

    with pytest.raises(LogMisfit, match="replication factor of 3 cannot be reached because only 1 broker") as caught:
        await ensure_topics(kafka_server.connection, LogPlan(4, 3, DAY_MS))
    assert "OPPORTUNE_KAFKA_REPLICATION=1" in caught.value.hint


async def test_no_broker_at_all() -> None:
    with pytest.raises(LogUnavailable, match=r"Kafka at 127\.0\.0\.1:1: .*Unable to bootstrap"):
        await check_topics(Connection(("127.0.0.1:1",)), PLAN)
