"""The intake on a real Kafka and a real Redis: each record once in the log of its shard, whatever happens to it."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from consumers.accepting import record_of
from consumers.courier import REKEYED, Courier
from consumers.kafka.admin import ensure_topics
from consumers.kafka.errors import BeyondEnd, LogMisfit
from consumers.kafka.intake import MOST_WAITING_MS
from consumers.kafka.member import SESSION_MS
from consumers.kafka.ordering import TOPICS
from consumers.kafka.reading import Part
from consumers.kafka.topics import LogPlan
from consumers.redis_streams import RedisStreams
from consumers.said import marked
from profiles import keys
from profiles.log_stream import TAKEN_IN
from profiles.store import Record
from schemas.interaction import SESSION_ENDED, Interaction, to_cloud_event
from tests.builders import NOON_MS, live, purchase
from tests.consumers.conftest import Counted
from tests.consumers.line import PARTITIONS, SHARDS, Line, Policies, Rogue, eventually
from tests.kafka_server import KafkaServer

ROOT = Path(__file__).parents[2]
KILLS = 6
ALL = [Part(topic, number) for topic in TOPICS for number in range(PARTITIONS)]


@pytest.fixture
async def line(redis: Redis, redis_url: str, kafka_server: KafkaServer) -> AsyncIterator[Line]:
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    found = await Line.on(redis, kafka_server.connection)
    found.redis_url = redis_url
    yield found
    if not kafka_server.running:
        kafka_server.start_node(1)
        await kafka_server.ready()


def records(first: int, last: int, customers: int = 13) -> list[Record]:
    """Interactions with their numbers as ids."""
    return [record_of(purchase(1.0, subject=f"customer:{n % customers}", id=str(n))) for n in range(first, last)]


def expected(last: int) -> list[str]:
    return sorted(f"test#{n}" for n in range(last))


async def in_order(line: Line) -> None:
    """Of each customer."""
    by_subject: dict[str, list[int]] = {}
    for each in await line.entries():
        by_subject.setdefault(each["subject"], []).append(int(each["id"].removeprefix("test#")))
    assert all(numbers == sorted(numbers) for numbers in by_subject.values())


async def test_what_the_outbox_had_comes_back_as_it_was(line: Line) -> None:
    said = [
        *records(0, 50),
        Record("decisions", "0001-x", "customer:3", b'{"any":  1}'),
        Record("responses", "K7/accepted", "customer:3", b"{}"),
        Record("identities", "a>b", "visitor:v", b"{}"),
        Record("erasures", "r-1", "customer:4", b"{}"),
    ]
    before_ms = int(time.time() * 1000) - 1
    async with line.running(line.intake()), line.relaying():
        await line.store.append(said)
        await line.until(len(said))
    found = await line.entries()
    there = {(each["topic"], each["id"], each["subject"], each["body"].encode()) for each in found}
    assert there == {each.args() for each in said}
    assert {int(each["shard"]) == line.store.shard(each["subject"]) for each in found} == {True}
    assert all(before_ms <= int(each["at"]) <= time.time() * 1000 for each in found)
    assert len({(each["topic"], each["from"]) for each in found}) == len(said)
    assert await line.length("out") == 0


async def test_what_was_folded_where_it_was_said_is_passed(line: Line) -> None:
    """The shard's position moves past it, also where nothing else comes."""
    subject = "customer:3"
    event = Interaction("v", "opportune/sessions", SESSION_ENDED, subject, "web", NOON_MS, {"length_s": 1.0})
    passed = Record("interactions", event.identity, subject, marked(event))
    own = Record("interactions", f"{event.identity}/2", subject, orjson.dumps({**to_cloud_event(event), "id": "v/2"}))
    async with line.running(line.intake()), line.relaying():
        await line.store.append([passed, own, passed])
        await line.until(1)
        await eventually(lambda: _has_moved(line, subject, 3), "the shard's position moves past all three")
    assert await line.ids() == [own.id], "one that is left to its own record is not marked, and is folded in its turn"


async def _has_moved(line: Line, subject: str, offset: int) -> bool:
    shard = line.store.shard(subject)
    at = await line.redis.hget(keys.guard(shard), f"off:interactions:{shard % PARTITIONS}")
    return int(at or 0) == offset


async def test_workers_read_when_kafka_took_it_and_where_it_stands(line: Line) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 1))
        await line.until(1)
    (entry,) = await line.entries()
    shard = int(entry["shard"])
    log = RedisStreams(line.redis, SHARDS, "one", TAKEN_IN)
    (read,) = (await log.read({shard: 0}, 9, 10))[shard]
    assert read.at_ms == int(entry["at"])
    assert read.origin == entry["from"] == f"{shard % PARTITIONS}:0"


async def test_others_may_key_as_they_like(line: Line) -> None:
    line.policies = Policies(live(identifiers={"phone": {}}))
    event = {"specversion": "1.0", "id": "1", "source": "shop", "type": "purchase", "data": {"amount": 1.0}}
    several = [{**event, "id": str(n), "subject": f"s{n}"} for n in range(6)]
    several += [{**event, "id": str(n), "phone": f"+49{n}"} for n in range(6, 12)]
    for number, each in enumerate(several):
        await line.produce("interactions", orjson.dumps(each), key=b"x", partition=number % PARTITIONS)
    courier = Courier(line.store, lambda: frozenset(range(SHARDS)), line.meter, REKEYED)
    async with line.running(line.intake()):
        await line.until(6)
        async with asyncio.timeout(30):
            while await line.length() < 12:
                await courier.deliver(50)
    found = await line.entries()
    assert sorted(each["id"] for each in found) == sorted(f"shop#{n}" for n in range(12))
    assert {int(each["shard"]) == line.store.shard(each["subject"]) for each in found} == {True}
    assert all(each["at"] and each["from"] and each["schema"] == "1" for each in found)
    assert line.meter.counts["intake_rekeyed"] == await line.length("rekeyed") > 0


async def test_a_dead_letter_never_stops_a_partition(line: Line) -> None:
    await line.produce("interactions", b"{", partition=1)
    await line.produce("erasures", b'{"receipt": "r", "requested_ms": 1}', key=b"customer:1", partition=1)
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 40))
        await line.until(40)
        await line.until(2, "dead-letters")
    letters = [orjson.loads(each["body"]) for each in await line.entries("dead-letters")]
    assert Counter(each["reason"] for each in letters) == {"undecodable": 1, "not_ours": 1}


async def test_two_on_the_same_partitions_take_each_record_once(line: Line) -> None:
    rogues = [line.intake(make=lambda: Rogue(line.connection, ALL)) for _ in range(2)]
    async with line.running(line.intake(), *rogues), line.relaying():
        for start in range(0, 3_000, 500):
            await line.store.append(records(start, start + 500))
            await asyncio.sleep(0.1)
        await line.until(3_000)
        await asyncio.sleep(1.5)
    assert sorted(await line.ids()) == expected(3_000)
    await in_order(line)
    assert line.meter.counts["intake_replayed"] > 0


@contextmanager
def process(line: Line, name: str = "", most: int = 1_000) -> Iterator[subprocess.Popen[bytes]]:
    """An intake that can be killed."""
    said = [line.redis_url, ",".join(line.connection.servers), line.group, name, str(most)]
    with subprocess.Popen([sys.executable, "-m", "tests.consumers.intake_process", *said], cwd=ROOT) as started:
        try:
            yield started
        finally:
            started.kill()


async def test_killed_at_any_moment(line: Line) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 (so that a failure can be repeated)
    chance = random.Random(seed)
    async with line.relaying():
        await line.store.append(records(0, 12_000))
        for _ in range(KILLS):
            with process(line, "one", most=20) as running:
                before = await line.length()
                await eventually(lambda at=before: _beyond(line, at), "it takes")  # type: ignore[misc]
                await asyncio.sleep(chance.random() * 0.1)
                running.kill()
        killed_at = await line.length()
        async with line.running(line.intake("one")):
            await line.until(12_000)
    assert KILLS * 20 <= killed_at < 12_000, "each was killed while it was at work"
    assert sorted(await line.ids()) == expected(12_000)
    await in_order(line)


async def _beyond(line: Line, number: int) -> bool:
    return await line.length() > number


async def test_one_that_stood_still_and_wakes_after_another_has_taken_over(line: Line) -> None:
    """Frozen in the middle of its work, past its session."""
    with process(line, most=20) as frozen:
        async with line.relaying():
            await line.store.append(records(0, 6_000))
            await eventually(lambda: _beyond(line, 0), "it takes")
            frozen.send_signal(signal.SIGSTOP)
            before = await line.length()
            assert before < 6_000
            began = time.monotonic()
            async with line.running(line.intake()):
                await line.until(6_000)
                took_s = time.monotonic() - began
                await line.store.append(records(6_000, 7_000))
                frozen.send_signal(signal.SIGCONT)
                await line.store.append(records(7_000, 9_000))
                await line.until(9_000)
                await asyncio.sleep(1.5)
    assert took_s < SESSION_MS / 1000 + 5
    assert sorted(await line.ids()) == expected(9_000)
    await in_order(line)


async def copy_of(redis: Redis, shard: int) -> dict[bytes, Any]:
    """All keys of a shard, as a failover would find them."""
    names: Any = await redis.keys(f"{keys.tag(shard)}*")
    return {name: await redis.dump(name) for name in names}


async def cut_back(redis: Redis, shard: int, to: dict[bytes, Any]) -> None:
    names: Any = await redis.keys(f"{keys.tag(shard)}*")
    await redis.delete(*names)
    for name, value in to.items():
        await redis.restore(name, 0, value)


@pytest.mark.parametrize("busy", [True, False])
async def test_a_shard_that_has_lost_a_suffix_gets_it_again(line: Line, busy: bool) -> None:
    """Noticed by the next record, or within a second where none comes."""
    shard = line.store.shard("customer:3")
    async with line.running(line.intake()):
        async with line.relaying():
            await line.store.append(records(0, 300))
            await line.until(300)
            await asyncio.sleep(1.2)
            earlier = await copy_of(line.redis, shard)
            await line.store.append(records(300, 600))
            await line.until(600)
        await cut_back(line.redis, shard, earlier)
        assert await line.length() < 600
        if busy:
            async with line.relaying():
                await line.store.append(records(600, 601))
                await line.until(601)
        await line.until(601 if busy else 600)
    assert sorted(await line.ids()) == expected(601 if busy else 600)
    await in_order(line)
    assert line.meter.counts["intake_rewinds"] >= 1


async def test_a_shard_that_has_lost_everything_gets_all_that_the_log_has(line: Line) -> None:
    shard = line.store.shard("customer:3")
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 300))
        await line.until(300)
        await asyncio.sleep(1.2)
        await cut_back(line.redis, shard, {})
        await line.until(300)
    assert sorted(await line.ids()) == expected(300)


async def test_nothing_overtakes_what_kafka_took_before(line: Line) -> None:
    """All of an outage is there at once, and the topics are taken in as they came."""
    async with line.relaying():
        for number in range(8):
            await line.store.append(records(1_500 * number, 1_500 * (number + 1)))
            await line.store.append([Record("decisions", f"d-{number}", f"customer:{n}", b"{}") for n in range(13)])
            await line.store.append([Record("responses", f"r-{number}", f"customer:{n}", b"{}") for n in range(13)])
            await line.store.append([Record("erasures", f"e-{number}", f"customer:{n}", b"{}") for n in range(13)])
            await _no_more(line, "out")
    async with line.running(line.intake(), line.intake()):
        await line.until(8 * (1_500 + 3 * 13))
    for shard in range(SHARDS):
        entries: Any = await line.redis.xrange(TAKEN_IN.key(shard))
        times = [int(fields[b"at"]) for _, fields in entries]
        assert times == sorted(times)
        told: dict[bytes, list[bytes]] = {}
        for _, fields in entries:
            if fields[b"topic"] != b"interactions":
                told.setdefault(fields[b"subject"], []).append(fields[b"id"])
        expected_ids = [f"{kind}-{n}".encode() for n in range(8) for kind in "dre"]
        assert all(ids == expected_ids for ids in told.values())


async def test_idle_shards_are_moved_up_and_lag_is_known(line: Line) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 20, customers=1))
        await line.until(20)
        part = line.store.shard("customer:0") % PARTITIONS

        async def moved() -> bool:
            positions: Any = [
                await line.redis.hget(keys.guard(shard), f"off:interactions:{part}") for shard in range(SHARDS)
            ]
            return bool(set(positions) == {b"20"})

        await eventually(moved, "all shards are moved up", 5)
        await eventually(lambda: _known(line.meter), "the lag is known", 10)
    assert line.meter.gauges["intake_lag_records"] == 0


async def _known(meter: Counted) -> bool:
    return "intake_lag_records" in meter.gauges


async def test_no_more_is_taken_than_is_folded(line: Line) -> None:
    line.most_waiting_ms = MOST_WAITING_MS
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 10))
        await line.until(10)
        await asyncio.sleep(MOST_WAITING_MS / 1000 + 1.2)
        await line.store.append(records(10, 20))
        await asyncio.sleep(1)
        assert await line.length() == 10
        for shard in range(SHARDS):
            await line.redis.hset(keys.guard(shard), TAKEN_IN.position, str(int(time.time() * 1000) << 20))
        await line.until(20)
    assert sorted(await line.ids()) == expected(20)


async def test_nothing_is_taken_before_there_is_a_policy(line: Line) -> None:
    line.policies = Policies(None)
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 10))
        await asyncio.sleep(2)
        assert await line.length() == 0
        line.policies.current = live()
        await line.until(10)


async def test_where_retention_has_passed_it_refuses_and_says_what_to_do(line: Line, kafka_server: KafkaServer) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 10))
        await line.until(10)
        await asyncio.sleep(1.2)
    async with line.relaying():
        await line.store.append(records(10, 400))
        await _no_more(line, "out")
    await kafka_server.delete_records({("interactions", number): 60 for number in range(PARTITIONS)})
    with pytest.raises(LogMisfit, match=r"its retention has passed") as told:
        await line.intake().run()
    assert "--from-start interactions" in told.value.hint
    assert await line.length() == 10


async def test_a_topic_that_was_made_anew_is_refused(line: Line, kafka_server: KafkaServer) -> None:
    async with line.running(line.intake()), line.relaying():
        await line.store.append(records(0, 10))
        await line.until(10)
        await asyncio.sleep(1.2)
    await kafka_server.delete_topics()
    await ensure_topics(kafka_server.connection, LogPlan(PARTITIONS, 1, 86_400_000))
    with pytest.raises(BeyondEnd, match="the topic was made anew, or Kafka has lost records"):
        await line.intake().run()


async def test_a_new_store_begins_where_the_log_begins(line: Line, kafka_server: KafkaServer) -> None:
    async with line.relaying():
        await line.store.append(records(0, 400))
        await _no_more(line, "out")
    await kafka_server.delete_records({("interactions", number): 60 for number in range(PARTITIONS)})
    async with line.running(line.intake()):
        await line.until(400 - 60 * PARTITIONS)
        await asyncio.sleep(0.5)
    assert len(await line.ids()) == 400 - 60 * PARTITIONS


async def _no_more(line: Line, name: str) -> None:
    async def empty() -> bool:
        return await line.length(name) == 0

    await eventually(empty, f"{name} is empty")


async def test_starting_stopping_and_a_restart_pause_nobody_for_long(line: Line) -> None:
    """Each record on its way for less than five seconds, while workers come and go."""
    running: dict[str, asyncio.Task[None]] = {}
    intakes: dict[str, Any] = {}

    def start(name: str) -> None:
        intakes[name] = line.intake(name)
        running[name] = asyncio.create_task(intakes[name].run())

    async def stop(name: str) -> None:
        intakes.pop(name).stop()
        await running.pop(name)

    async with line.relaying():
        start("a")
        sending = asyncio.create_task(_steadily(line, 14))
        await asyncio.sleep(4)
        start("b")
        await asyncio.sleep(3)
        await stop("a")
        await asyncio.sleep(2)
        start("a")
        await asyncio.sleep(3)
        await stop("b")
        last = await sending
        await line.until(last)
        await stop("a")
    assert sorted(await line.ids()) == expected(last)
    late = [_lateness_ms(each) for each in await _timed(line)]
    assert max(late[100:]) < 5_000, max(late[100:])


async def _steadily(line: Line, seconds: float) -> int:
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        await line.store.append(records(number, number + 10))
        number += 10
        await asyncio.sleep(0.05)
    return number


async def _timed(line: Line) -> list[tuple[int, int]]:
    """When Kafka took each record, and when Redis did."""
    found: list[tuple[int, int]] = []
    for shard in range(SHARDS):
        entries: Any = await line.redis.xrange(TAKEN_IN.key(shard))
        found += [(int(fields[b"at"]), int(at.split(b"-")[0])) for at, fields in entries]
    return sorted(found)


def _lateness_ms(times: tuple[int, int]) -> int:
    took, taken_in = times
    return taken_in - took
