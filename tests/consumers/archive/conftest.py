"""A log in Kafka that tests fill, and archivers that are driven step by step with a clock of their own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from consumers.archive.archiver import Archiver
from consumers.archive.names import Held
from consumers.archive.place import Place
from consumers.kafka.admin import ensure_topics
from consumers.kafka.partitions import PartitionReader
from consumers.kafka.reading import Part
from consumers.kafka.topics import LogPlan
from tests.consumers.conftest import Counted
from tests.kafka_server import KafkaServer

PARTITIONS = 2
SLOT_MS = 1_000
WITHIN_S = 30.0


@pytest.fixture
async def log(kafka_server: KafkaServer) -> KafkaServer:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    return kafka_server


@pytest.fixture
async def produce(log: KafkaServer) -> AsyncIterator[AIOKafkaProducer]:
    """A backend's producer."""
    producer = AIOKafkaProducer(bootstrap_servers=log.servers, acks="all", linger_ms=5)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def reader(log: KafkaServer) -> AsyncIterator[PartitionReader]:
    reader = PartitionReader(log.connection)
    yield reader
    await reader.close()


MakeArchiver = Callable[..., Archiver]


@pytest.fixture
async def archiver(log: KafkaServer, tmp_path: Path) -> AsyncIterator[MakeArchiver]:
    """Archivers of one group. `ahead_s`: so much faster than ours is its clock, for slots to be over at once."""
    group, made = f"g-{uuid4().hex[:8]}", list[Archiver]()

    def make(place: Place | None = None, ahead_s: float = 3_600, **more: object) -> Archiver:
        options = {"slot_ms": SLOT_MS, "group": group, "topics": ("interactions",), **more}
        where = place or Place(str(tmp_path / "archive"))
        made.append(
            Archiver(log.connection, where, Counted(), clock=lambda: time.time() + ahead_s, **options)  # type: ignore[arg-type]
        )
        return made[-1]

    yield make
    for each in made:
        each.stop()
        await each.run()


async def until(archiver: Archiver, reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not reached():
            await archiver.step()


async def archived(archiver: Archiver, *counts: int, topic: str = "interactions") -> None:
    """Steps until the first so many offsets of each partition are in the archive."""
    wanted = {Part(topic, number): count for number, count in enumerate(counts)}
    await until(archiver, lambda: all(archiver.positions.get(part) == count for part, count in wanted.items()))


def all_files(place: Place, topic: str = "interactions") -> list[Held]:
    return [each for day in place.days(topic) for each in place.files(topic, day)]


def held_offsets(place: Place, topic: str = "interactions") -> dict[int, list[int]]:
    """The offsets of the rows by partition, in the order of the files' first offsets."""
    found: dict[int, list[int]] = {}
    for each in sorted(all_files(place, topic), key=lambda file: file.first):
        rows = place.table(each, ["partition", "offset"]).to_pylist()
        found.setdefault(each.part.number, []).extend(row["offset"] for row in rows)
    return found


async def send(producer: AIOKafkaProducer, count: int, partition: int = 0, topic: str = "interactions") -> None:
    """Small interactions; their time in the log is the broker's."""
    value = b'{"specversion":"1.0","id":"%d","source":"web","type":"page_view","subject":"ada","data":{"n":%d}}'
    sent = [await producer.send(topic, value % (n, n), key=b"ada", partition=partition) for n in range(count)]
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*sent)


async def ended(archiver: Archiver) -> None:
    """Its partitions are free for the next one."""
    archiver.stop()
    await archiver.run()


async def eventually(holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 (only the files can tell)
            await asyncio.sleep(0.1)
