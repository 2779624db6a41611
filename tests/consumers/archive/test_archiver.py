"""Each record is in the archive once, whatever happens to those who write it."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.errors import KafkaError

from consumers.archive.names import Held
from consumers.archive.place import Place
from consumers.archive.survey import faults
from consumers.kafka.admin import ensure_topics
from consumers.kafka.errors import LogUnavailable
from consumers.kafka.reading import Part
from consumers.kafka.topics import LogPlan
from tests.consumers.archive.conftest import (
    MakeArchiver,
    all_files,
    archived,
    ended,
    eventually,
    held_offsets,
    send,
    until,
)
from tests.kafka_server import KafkaServer


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "archive"))


async def test_each_record_once_and_the_next_archiver_goes_on(
    archiver: MakeArchiver, produce: AIOKafkaProducer, place: Place
) -> None:
    await send(produce, 30, 0)
    await send(produce, 20, 1)
    one = archiver()
    await archived(one, 30, 20)
    await ended(one)
    await send(produce, 5, 0)
    await asyncio.sleep(1.1)  # another slot
    await send(produce, 5, 0)
    await archived(archiver(), 40)
    assert held_offsets(place) == {0: list(range(40)), 1: list(range(20))}
    assert faults(all_files(place)) == []
    assert all(each.folder.startswith("interactions/day=20") for each in all_files(place))


class Slow(Place):
    """Waits before it publishes, as an archiver that was stopped there."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.reached, self.go = threading.Event(), threading.Event()

    def publish(self, draft: Path, held: Held) -> None:
        self.reached.set()
        assert self.go.wait(60)
        super().publish(draft, held)


async def test_one_that_was_thought_dead_writes_the_same_file_again(
    archiver: MakeArchiver, produce: AIOKafkaProducer, place: Place
) -> None:
    await send(produce, 50)
    slow = Slow(place.where)
    zombie = archiver(slow, group="another")  # both have all partitions
    stepping = asyncio.create_task(archived(zombie, 60))
    assert await asyncio.to_thread(slow.reached.wait, 30)
    await asyncio.sleep(1.1)
    await send(produce, 10)
    await archived(archiver(), 60)
    before = {each: (place.folder / each.path).read_bytes() for each in all_files(place)}  # type: ignore[operator]
    slow.go.set()
    await stepping
    after = {each: (place.folder / each.path).read_bytes() for each in all_files(place)}  # type: ignore[operator]
    assert before == after
    assert len(after) >= 2
    assert held_offsets(place) == {0: list(range(60))}


async def test_nothing_is_written_before_its_time_is_over(
    archiver: MakeArchiver, produce: AIOKafkaProducer, place: Place
) -> None:
    await send(produce, 10)
    early = archiver(slot_ms=3_600_000, ahead_s=0)
    await until(early, lambda: Part("interactions", 0) in early.positions)
    for _ in range(3):
        assert await early.step() == 0
    assert all_files(place) == []


async def test_what_a_transaction_holds_is_waited_for(
    archiver: MakeArchiver, produce: AIOKafkaProducer, log: KafkaServer, place: Place
) -> None:
    await send(produce, 3)
    async with AIOKafkaProducer(bootstrap_servers=log.servers, transactional_id="t") as transactional:
        await transactional.begin_transaction()
        await send(transactional, 2)
        await transactional.abort_transaction()
        await transactional.begin_transaction()
        await send(transactional, 4)
        one = archiver()
        await until(one, lambda: Part("interactions", 0) in one.positions)
        for _ in range(3):
            await one.step()
        written = all_files(place)  # a slot may have ended before the transaction began
        await transactional.commit_transaction()
    await ended(one)
    await send(produce, 1)
    # 0-2, 3-4 taken back, 5 the end of that, 6-9, 10 the end of that, 11
    await archived(archiver(), 12)
    assert held_offsets(place) == {0: [0, 1, 2, 6, 7, 8, 9, 11]}
    assert all(each.last < 6 for each in written)
    assert faults(all_files(place)) == []


async def test_what_has_left_the_log_is_missed_loudly(
    archiver: MakeArchiver,
    produce: AIOKafkaProducer,
    log: KafkaServer,
    place: Place,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await send(produce, 10)
    one = archiver()
    await archived(one, 10)
    await send(produce, 10)
    admin = AIOKafkaAdminClient(bootstrap_servers=log.servers)
    await admin.start()
    await admin.delete_records({TopicPartition("interactions", 0): RecordsToDelete(before_offset=15)})
    await admin.close()
    await ended(one)
    two = archiver()
    await archived(two, 20)
    assert [str(each) for each in faults(all_files(place))] == [
        f"interactions/0: offsets 10 to 14 are in no file, before {max(all_files(place), key=lambda f: f.last).path}"
    ]
    assert two._meter.counts["archive_lost"] == 5  # type: ignore[attr-defined]
    assert "the archive has a gap" in caplog.text


async def test_a_topic_made_anew_is_refused_and_the_others_go_on(
    archiver: MakeArchiver, produce: AIOKafkaProducer, log: KafkaServer, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    await send(produce, 3)
    one = archiver()
    await archived(one, 3)
    await ended(one)
    await log.delete_topics()
    await ensure_topics(log.connection, LogPlan(2, 1, 86_400_000))
    await send(produce, 5)
    await send(produce, 2, topic="responses")
    two = archiver(topics=("interactions", "responses"))
    await archived(two, 2, topic="responses")
    assert held_offsets(place) == {0: [0, 1, 2]}
    assert "is not the one that was archived up to offset 3" in caplog.text


async def test_partitions_that_are_added_are_archived(
    archiver: MakeArchiver, produce: AIOKafkaProducer, log: KafkaServer, place: Place
) -> None:
    await send(produce, 3)
    one = archiver()
    await archived(one, 3)
    admin = AIOKafkaAdminClient(bootstrap_servers=log.servers)
    await admin.start()
    await admin.create_partitions({"interactions": NewPartitions(3)})
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=log.servers) as later:
        await send(later, 4, 2)
    await archived(one, 3, 0, 4)
    assert held_offsets(place) == {0: [0, 1, 2], 2: [0, 1, 2, 3]}


async def test_what_cannot_be_read_is_kept_as_it_is(
    archiver: MakeArchiver, produce: AIOKafkaProducer, place: Place
) -> None:
    bad = [b"\xff\xfe", b"{", b'{"id": 7}', b"[" * 100_000, b"", None]
    for value in bad:
        await produce.send_and_wait("interactions", value, key=b"k\x00", headers=[("x", b"\xff")], partition=0)
    await archived(archiver(), len(bad))
    columns = ["offset", "id", "unreadable", "key", "headers", "value", "value_bytes"]
    rows = [row for each in all_files(place) for row in place.table(each, columns).to_pylist()]
    rows.sort(key=lambda row: row["offset"])
    kept = [row["value_bytes"] if row["value"] is None else row["value"].encode() for row in rows]
    assert kept == bad
    assert all(row["unreadable"] and row["id"] is None for row in rows)
    assert all((row["key"], row["headers"]) == (b"k\x00", [{"name": "x", "value": b"\xff"}]) for row in rows)


async def test_while_kafka_or_the_archive_is_away_it_waits(
    archiver: MakeArchiver, produce: AIOKafkaProducer, log: KafkaServer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.archive.archiver.RETRY_AFTER_S", 0.2)
    await send(produce, 5)
    away = Away(place.where)
    one = archiver(away)
    running = asyncio.create_task(one.run())
    try:
        await eventually(lambda: away.refused >= 2)
        assert all_files(place) == []
        away.is_away = False
        await eventually(lambda: held_offsets(place) == {0: list(range(5))})
        log.kill_node(1)
        await asyncio.sleep(2)
        log.start_node(1)
        await log.ready()
        await asyncio.sleep(1.1)
        later = await started(log)
        await send(later, 5)
        await later.stop()
        await eventually(lambda: held_offsets(place) == {0: list(range(10))}, within_s=240)
        assert faults(all_files(place)) == []
    finally:
        one.stop()
        await running


async def started(log: KafkaServer) -> AIOKafkaProducer:
    """A producer of a broker that has just come back."""
    give_up = time.monotonic() + 60
    while True:
        made = AIOKafkaProducer(bootstrap_servers=log.servers)
        try:
            await made.start()
        except KafkaError:
            await made.stop()
            assert time.monotonic() < give_up, "the broker did not come back"
            await asyncio.sleep(0.5)
        else:
            return made


class Away(Place):
    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.is_away, self.refused = True, 0

    def publish(self, draft: Path, held: Held) -> None:
        if self.is_away:
            self.refused += 1
            raise LogUnavailable("the archive is away")
        super().publish(draft, held)
