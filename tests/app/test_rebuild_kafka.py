"""The log of Kafka folded again, from Kafka or from the archive, beside all the real parts."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from redis.asyncio import Redis

from app.erasing import Erasing
from app.errors import StartError
from app.rebuild import Rebuild, Report
from app.rebuild.history import History
from app.rebuild.signed import passed_over
from app.rebuild.sources import history
from app.settings import Settings
from consumers.archive.archiver import Archiver
from consumers.archive.place import Place
from consumers.courier import REKEYED, Courier
from consumers.erasing import Erasures
from consumers.folding import ProfileFold
from consumers.kafka.admin import ensure_topics
from consumers.kafka.decoding import Decoding
from consumers.kafka.ends import Ends
from consumers.kafka.errors import LogMisfit
from consumers.kafka.intake import Intake
from consumers.kafka.member import Member
from consumers.kafka.messages import message
from consumers.kafka.ordering import TOPICS
from consumers.kafka.partitions import PartitionReader
from consumers.kafka.producer import Producer
from consumers.kafka.reading import Part
from consumers.kafka.topics import LogPlan
from consumers.kafka.watch import Watch
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from consumers.relay import Relay
from profiles import keys
from profiles.connection import connected
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore, Record
from schemas.erasure import ErasureReceipt
from schemas.interaction import to_cloud_event
from tests.app.test_rebuild import POLICY, SHARDS, SPEND, Live, World, leftovers
from tests.builders import purchase
from tests.consumers.conftest import Counted
from tests.consumers.test_loop import said
from tests.kafka_server import KafkaServer

PARTITIONS = 2
WITHIN_S = 60.0


class KafkaWorld(World):
    """The same people, with Kafka as the log."""

    def __init__(self, redis: Redis, store: CustomerStore, server: KafkaServer) -> None:
        super().__init__(redis, store)
        self.server = server
        self.reader = PartitionReader(server.connection)

    def worker(self, name: str = "one", keep: int = 10) -> GuardedLoop:
        streams = RedisStreams(self.redis, SHARDS, name, log=TAKEN_IN)
        fold = ProfileFold(POLICY, Counted(), mark=TAKEN_IN.position)
        return GuardedLoop(self.store, streams, lambda: fold, Counted(), keep, wait_ms=5)

    async def folded(self) -> None:
        await self.taken_in()
        await super().folded()

    async def taken_in(self) -> None:
        """All that is in the outboxes is in Kafka, and all that is in Kafka in the logs of the shards."""
        client: Any = self.redis
        async with asyncio.timeout(WITHIN_S):
            while any([await client.xlen(keys.outbox(shard)) for shard in range(SHARDS)]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            ends = {each: at.end for each, at in (await self.reader.bounds(await self.parts())).items() if at.end}
            while not await self._reached(ends):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def parts(self) -> list[Part]:
        return [Part(topic, number) for topic in TOPICS for number in range(PARTITIONS)]

    async def _reached(self, ends: dict[Part, int]) -> bool:
        client: Any = self.redis
        guards = [await client.hgetall(keys.guard(shard)) for shard in range(SHARDS)]
        named = {f"off:{topic}:{number}".encode(): at for (topic, number), at in ends.items()}
        return all(int(guard.get(name, 0)) >= at for guard in guards for name, at in named.items())

    async def rebuild(self, swap: bool, archive: Place | None = None, secret: str = "") -> Report:
        reader = PartitionReader(self.server.connection)
        history = History(reader, Decoding(SHARDS, secret), POLICY, self.store, self.told.append, archive)
        try:
            return await Rebuild(self.redis, self.store, POLICY, self.told.append, history).run(swap)
        finally:
            self.told += passed_over(history)
            await history.close()

    async def profile(self, who: str) -> dict[str, Any]:
        client: Any = self.redis
        found: dict[str, Any] = orjson.loads(await client.hget(self.key(who), "profile"))
        return found

    async def erase(self, who: str) -> None:
        erasures = Erasures(self.store, self.registry, lambda: frozenset(range(SHARDS)), Counted())
        worker = self.worker("two")
        tasks = [asyncio.create_task(each.run()) for each in (erasures, worker)]
        erasing = Erasing(self.store, self.registry)
        receipt: ErasureReceipt | None = await erasing.erase(f"customer:{who}", datetime.now(UTC))
        async with asyncio.timeout(WITHIN_S):
            while receipt is not None and receipt.state != "done":
                await asyncio.sleep(0.05)
                receipt = await erasing.receipt(receipt.receipt)
        assert receipt is not None
        for each in (erasures, worker):
            each.stop()
        await asyncio.gather(*tasks)

    async def archived(self, place: Place) -> None:
        ahead = lambda: time.time() + 3_600  # noqa: E731
        archiver = Archiver(
            self.server.connection, place, Counted(), 60_000, None, 0, TOPICS, f"g-{uuid4().hex[:8]}", ahead
        )
        ends = {each: at.end for each, at in (await self.reader.bounds(await self.parts())).items() if at.end}
        async with asyncio.timeout(WITHIN_S):
            while any(archiver.positions.get(part) != end for part, end in ends.items()):
                await archiver.step()
        archiver.stop()
        await archiver.run()

    async def retention(self) -> None:
        """Kafka has lost all that it had."""
        ends = {TopicPartition(*each): at.end for each, at in (await self.reader.bounds(await self.parts())).items()}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.server.servers)
        await admin.start()
        await admin.delete_records({each: RecordsToDelete(before_offset=end) for each, end in ends.items() if end})
        await admin.close()


@pytest.fixture
async def world(redis_url: str, kafka_server: KafkaServer) -> AsyncIterator[KafkaWorld]:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    async with connected(redis_url, retries=0) as redis:
        store = await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
        made = KafkaWorld(redis, store, kafka_server)
        group, connection, meter = f"g-{uuid4().hex[:8]}", kafka_server.connection, Counted()
        producer = Producer(connection, PARTITIONS)
        everything, ends = frozenset(range(SHARDS)), Ends(connection)
        running: list[Any] = [
            Relay(store, lambda: everything, producer, meter),
            Intake(
                store,
                lambda: Member(connection, group, TOPICS),
                Watch(ends, meter),
                Decoding(SHARDS),
                Live(),
                meter,
            ),
            Courier(store, lambda: everything, meter),
            Courier(store, lambda: everything, meter, REKEYED),
        ]
        tasks = [asyncio.create_task(each.run()) for each in running]
        yield made
        for each in running:
            each.stop()
        await asyncio.wait(tasks, timeout=WITHIN_S)
        await producer.close()
        await ends.close()
        await made.reader.close()


async def test_what_follows_from_the_log_is_the_same(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    report = await world.rebuild(swap=False)
    assert report.samples == []
    assert (report.same, report.customers, report.shards) == (True, 12, SHARDS)
    assert await leftovers(world) == []


async def test_what_was_spoiled_is_mended_and_the_life_goes_on(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    right = await world.state()
    await world.spoil()
    report = await world.rebuild(swap=True)
    assert (report.differing, report.mended) == (4, 4)
    assert (await world.rebuild(swap=False)).samples == []
    assert without_marks(await world.state()) == without_marks(right)
    before = spent(await world.profile("p3"))
    await world.store.append([said(purchase(7.0, subject="customer:p3", id="after"))])
    await world.folded()
    assert spent(await world.profile("p3")) == before + 7.0
    assert (await world.rebuild(swap=False)).samples == []


async def test_what_was_taken_in_and_is_not_folded_yet_is_no_difference(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    await world.store.append([said(purchase(1.0, subject=f"customer:p{n}", id=f"late-{n}")) for n in range(12)])
    await world.taken_in()
    assert (await world.rebuild(swap=True)).samples == []
    await world.folded()
    assert (await world.rebuild(swap=False)).samples == []


async def test_records_of_others_keyed_as_they_like_belong_to_their_customers(world: KafkaWorld) -> None:
    await world.lived()
    async with AIOKafkaProducer(bootstrap_servers=world.server.servers) as backend:
        for number in range(12):
            event = {"specversion": "1.0", "id": f"b-{number}", "source": "backend", "type": "purchase"}
            body = orjson.dumps({**event, "subject": f"p{number}", "data": {"amount": 3.0}})
            await backend.send_and_wait("interactions", body, key=b"any", partition=number % PARTITIONS)
        await backend.send_and_wait("interactions", b"nonsense", partition=0)
    await world.folded()
    await world.spoil()
    await world.rebuild(swap=True)
    assert (await world.rebuild(swap=False)).samples == []
    assert spent(await world.profile("p5")) == 8.0


async def test_who_was_erased_stays_erased(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    await world.erase("p3")
    await world.folded()
    await world.store.append([said(purchase(2.5, subject="customer:p4", id="later"))])
    await world.folded()
    assert (await world.rebuild(swap=True)).samples == []
    client: Any = world.redis
    assert await client.hget(world.key("p3"), "profile") is None or spent(await world.profile("p3")) == 0


async def test_with_a_customer_goes_the_visitor_who_was_linked(world: KafkaWorld) -> None:
    await world.store.append([said(purchase(5.0, subject="visitor:v-1", id="v"))])
    await world.store.append([said(purchase(3.0, subject="customer:p1", id="p", links=("visitor:v-1",)))])
    for _ in range(3):  # the claim, and what it is answered with
        await world.folded()
    assert (await world.store.read("visitor:v-1")).identity.owner == "customer:p1"
    await world.erase("p1")
    assert (await world.store.read("visitor:v-1")).identity.owner is None
    assert (await world.rebuild(swap=False)).samples == []


async def test_what_kafka_has_no_more_is_read_in_the_archive(world: KafkaWorld, tmp_path: Path) -> None:
    place = Place(str(tmp_path / "archive"))
    await world.lived()
    await world.folded()
    await world.archived(place)
    await world.retention()
    await world.store.append([said(purchase(2.0, subject="customer:p4", id="later"))])
    await world.folded()
    await world.spoil()
    with pytest.raises(
        StartError, match=r"records of interactions/0 from offset 0 to .* are not in Kafka any more"
    ) as said_:
        await world.rebuild(swap=True)
    assert "--from archive" in said_.value.hint
    report = await world.rebuild(swap=True, archive=place)
    assert (report.differing, report.mended) == (4, 4)
    assert (await world.rebuild(swap=False, archive=place)).samples == []
    assert spent(await world.profile("p4")) == 6.0


async def test_a_log_that_is_not_signed_as_wanted_replaces_nobody(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    before = await world.state()
    with pytest.raises(
        StartError, match=r"nothing is swapped: \d+ records of the log .*\d+ of decisions, .*\d+ of interactions"
    ) as refused:
        await world.rebuild(swap=True, secret="new")
    assert "or without one" in refused.value.hint
    assert await world.state() == before
    assert (await world.rebuild(swap=False, secret="new")).differing > 0
    assert any("passed over, which makes differences" in each for each in world.told)
    assert not any("dead letters" in each for each in world.told)
    assert await world.state() == before
    assert (await world.rebuild(swap=True)).samples == []


async def test_a_signed_record_is_believed_without_a_secret_and_it_is_said(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    signing = Producer(replace(world.server.connection, secret="old"), PARTITIONS)
    event = Record(
        "interactions",
        "signed",
        "customer:p1",
        orjson.dumps(to_cloud_event(purchase(1.0, subject="customer:p1", id="signed"))),
    )
    await signing.send([message(event, world.store.shard("customer:p1"), 0)])
    await signing.close()
    await world.folded()
    await world.rebuild(swap=True)
    assert any(each.startswith("1 records are signed, and were believed unchecked") for each in world.told)


async def test_a_gap_between_archive_and_kafka_is_refused(world: KafkaWorld, tmp_path: Path) -> None:
    place = Place(str(tmp_path / "archive"))
    await world.lived()
    await world.folded()
    await world.archived(place)
    await world.store.append([said(purchase(2.0, subject=f"customer:p{n}", id="lost")) for n in range(12)])
    await world.folded()
    await world.retention()
    with pytest.raises(StartError, match="are not in Kafka any more, and not in the archive"):
        await world.rebuild(swap=False, archive=place)


async def test_the_archive_of_another_log_is_refused(world: KafkaWorld, tmp_path: Path) -> None:
    place = Place(str(tmp_path / "archive"))
    await world.lived()
    await world.folded()
    await world.archived(place)
    first = min(place.folder.glob("decisions/*/*/*.parquet"))  # type: ignore[union-attr]
    first.rename(first.with_name(first.name.replace(first.name[-18:-8], "0000099999")))
    with pytest.raises(LogMisfit, match="and Kafka does not"):
        await world.rebuild(swap=False, archive=place)


async def test_what_was_folded_before_there_was_kafka_is_not_forgotten(world: KafkaWorld) -> None:
    client: Any = world.redis
    await client.hset(keys.guard(0), "off:out:0", "7")
    with pytest.raises(StartError, match="before Kafka was the log"):
        await world.rebuild(swap=True)


def spent(profile: dict[str, Any]) -> float:
    return float(profile.get("features", {}).get(SPEND, 0.0))


def without_marks(state: dict[str, Any]) -> dict[str, Any]:
    """Where in a stream a profile has come is another place afterwards."""
    for fields in (each for each in state.values() if isinstance(each, dict) and b"profile" in each):
        profile = orjson.loads(fields[b"profile"])
        fields[b"profile"] = orjson.dumps({**profile, "marks": sorted(profile["marks"])})
    return state


async def test_traffic_goes_on_while_it_is_rebuilt(world: KafkaWorld) -> None:
    await world.lived()
    await world.folded()
    await world.spoil()
    worker, number, is_over = world.worker("busy"), 0, asyncio.Event()
    folding = asyncio.create_task(worker.run())

    async def traffic() -> None:
        nonlocal number
        while not is_over.is_set():
            several = [purchase(1.0, subject=f"customer:p{(number + n) % 15}", id=f"t-{number + n}") for n in range(5)]
            await world.store.append([said(each) for each in several])
            number += len(several)
            await world.decide(f"p{number % 15}")
            await asyncio.sleep(0.005)

    coming = asyncio.create_task(traffic())
    reports = [await world.rebuild(swap=True) for _ in range(3)]
    is_over.set()
    await coming
    await world.taken_in()
    worker.stop()
    await folding
    await world.folded()
    assert sum(each.mended for each in reports) >= 4
    assert number > 100
    assert (await world.rebuild(swap=False)).samples == []
    counted = [spent(await world.profile(f"p{n}")) - n for n in range(12)]
    assert counted == [float(len(range(n, number, 15))) for n in range(12)]


async def test_where_the_log_is_follows_from_the_settings(world: KafkaWorld, tmp_path: Path) -> None:
    names = {"KAFKA": world.server.servers, "ARCHIVE": str(tmp_path)}
    given = Settings.from_env({f"OPPORTUNE_{name}": value for name, value in names.items()})
    async with history(given, world.store, POLICY, print, "archive") as found:
        assert found is not None
    outboxes = CustomerStore(world.redis, SHARDS)
    async with history(Settings.from_env({}), outboxes, POLICY, print) as none:
        assert none is None
    with pytest.raises(StartError, match="without Kafka there is no archive"):
        async with history(given, outboxes, POLICY, print, "archive"):
            pass
    with pytest.raises(StartError, match="the log is not in `tape`"):
        async with history(given, world.store, POLICY, print, "tape"):
            pass
