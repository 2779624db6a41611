"""Creates the topics, or finds out how those that exist differ from what they must be.

aiokafka's administration client raises no errors of single topics: they stand in its answers, and are looked at here.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaConnectionError,
    NodeNotReadyError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from consumers.kafka.connection import Connection, started, trouble_named
from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.topics import LogPlan, Shape, differences

WITHIN_S = 20.0
LOOK_AGAIN_S = 0.2


async def ensure_topics(connection: Connection, plan: LogPlan, within_s: float = WITHIN_S) -> list[str]:
    """Creates the topics that are missing, and returns their names.

    Raises LogMisfit with every difference if one that exists is not as it must be (nothing is created then),
    and LogUnavailable.
    """
    wanted = plan.shapes()
    async with trouble_named(connection.servers, within_s), _administration(connection) as admin:
        missing = _missing(wanted, await _found(admin, wanted))
        await _create(admin, {name: wanted[name] for name in missing})
        await _until_known(admin, wanted)
        return missing


async def check_topics(connection: Connection, plan: LogPlan, within_s: float = WITHIN_S) -> None:
    """Raises LogMisfit if a topic is missing or not as it must be, and LogUnavailable."""
    wanted = plan.shapes()
    async with trouble_named(connection.servers, within_s), _administration(connection) as admin:
        missing = _missing(wanted, await _found(admin, wanted))
    if missing:
        raise LogMisfit(f"there is no topic {', '.join(missing)}", hint="`opportune topics` creates what is missing")


async def _until_known(admin: AIOKafkaAdminClient, wanted: Mapping[str, Shape]) -> None:
    """A broker knows new topics a moment after the controller has made them."""
    while _missing(wanted, await _found(admin, wanted)):  # noqa: ASYNC110 (only a broker can tell)
        await asyncio.sleep(LOOK_AGAIN_S)


@asynccontextmanager
async def _administration(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.options())
    try:
        await started(admin)
        yield admin
    finally:
        await admin.close()


def _missing(wanted: Mapping[str, Shape], found: Mapping[str, Shape]) -> list[str]:
    """The names of those that do not exist. Raises LogMisfit if another one differs."""
    wrong = [each for name in wanted if name in found for each in differences(name, wanted[name], found[name])]
    if wrong:
        hint = (
            "alter the topics, set OPPORTUNE_KAFKA_PARTITIONS, _REPLICATION and _RETENTION to what they are, "
            "or delete them if they hold nothing"
        )
        raise LogMisfit("the topics are not as they must be:\n  " + "\n  ".join(wrong), hint=hint)
    return [name for name in wanted if name not in found]


async def _found(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, Shape]:
    """The shapes of those that exist."""
    topics = await _asked(admin.describe_topics, list(names))
    described = {each["topic"]: each["partitions"] for each in topics if _exists(each["topic"], each["error_code"])}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    answers = await _asked(admin.describe_configs, resources) if resources else []
    configs = {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if _exists(name, code)  # the broker that answers may be another one
    }
    return {
        name: Shape(
            partitions=len(described[name]),
            replication=min(len(each["replicas"]) for each in described[name]),
            config=config,
        )
        for name, config in configs.items()
    }


def _exists(name: str, code: int) -> bool:
    """Of a broker's answer about a topic. Raises the error that it stands for."""
    kind = for_code(code)
    if kind is UnknownTopicOrPartitionError:
        return False
    if kind is not NoError:
        raise kind(f"the topic {name}")
    return True


async def _asked(call: Any, argument: Any) -> Any:
    """aiokafka asks a node at random, and gives up if that one is down: so another is asked."""
    while True:
        try:
            return await call(argument)
        except (NodeNotReadyError, KafkaConnectionError):
            await asyncio.sleep(LOOK_AGAIN_S)


async def _create(admin: AIOKafkaAdminClient, shapes: Mapping[str, Shape]) -> None:
    if not shapes:
        return
    topics = [
        NewTopic(name, shape.partitions, shape.replication, topic_configs=dict(shape.config))
        for name, shape in shapes.items()
    ]
    answer = await admin.create_topics(topics)
    refused = [(name, for_code(code), said) for name, code, said in answer.topic_errors if code]
    refused = [each for each in refused if each[1] is not TopicAlreadyExistsError]  # somebody else was faster
    retriable = [each for each in refused if each[1].retriable]
    said = "; ".join(dict.fromkeys(text or f"{name}: {kind.__name__}" for name, kind, text in refused))
    if retriable:
        raise LogUnavailable(f"the topics could not be created now: {said}")
    if refused:
        hint = "a cluster of one or two brokers takes OPPORTUNE_KAFKA_REPLICATION=1"
        raise LogMisfit(f"the topics could not be created: {said}", hint=hint)
