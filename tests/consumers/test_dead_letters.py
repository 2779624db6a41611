"""What becomes of a record that cannot be folded: why it is a letter, how it comes back, and when it goes."""

import asyncio
import base64
import dataclasses
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from app.dead_letters import DeadLetters, Retried, Wanted
from app.erasing import Erasing
from app.putting_back import CannotGoBack, record_of
from consumers.courier import Courier
from consumers.dead_letters import InKafka, Undecodable, of_the_fold, of_the_intake
from consumers.erasing import Erasures
from consumers.folding import ProfileFold
from consumers.letter_bounds import KEPT_MS, MOST_BYTES, LetterBounds
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.redis_streams import offset_of
from profiles import keys
from profiles.customer import Customer
from profiles.dead_letters import DeadLetterStreams, Letter, LetterId, PutBack
from profiles.errors import BadFields, StoreUnavailable
from profiles.ledger import UnknownCode
from profiles.registry import Registry
from profiles.shards import shard_of
from profiles.store import CustomerStore, Record
from schemas.base import at_ms
from schemas.dead_letter import DeadLetter
from schemas.interaction import to_cloud_event
from tests.builders import DAY, HOUR, NOON_MS, SHOP, definition, interaction, live, purchase
from tests.consumers.conftest import SHARDS, Counted, MakeWorker
from tests.consumers.test_loop import drained, said

ALICE = "customer:alice"
SPEND = definition().features["spend"].key
ALL_SHARDS = frozenset(range(SHARDS))
ANY = Wanted()
WITH_REFUND = live(
    interactions={**SHOP["interactions"], "refund": {"channel": "web", "fields": {"amount": "double!"}}},
    features={**SHOP["features"], "refunds": {"sum": "event.amount", "of": "refund"}},
)
REFUNDS = WITH_REFUND.definition.features["refunds"].key


def refund(number: int, subject: str = ALICE, at: int = NOON_MS) -> Record:
    return said(interaction("refund", at, id=f"refund-{number}", subject=subject, data={"amount": 1.0}))


@pytest.fixture
def letters(store: CustomerStore) -> DeadLetters:
    return DeadLetters(store)


async def everything(letters: DeadLetters, wanted: Wanted = ANY) -> list[Letter]:
    return [letter async for page in letters.fitting(wanted) for letter in page]


async def retried(letters: DeadLetters, wanted: Wanted = ANY, policy: LivePolicy | None = None) -> Retried:
    done = Retried()
    async for page in letters.fitting(wanted):
        await letters.put_back(page, policy, done)
    return done


async def refunds(store: CustomerStore, subject: str = ALICE) -> float | None:
    return (await store.read(subject)).profile.features.get(REFUNDS)


class Breaks:
    """A definition by which nothing can be typed."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


def breaking(error: Exception) -> LivePolicy:
    broken: Any = Breaks(error)
    return dataclasses.replace(live(), definition=broken)


@pytest.mark.parametrize("error", [RuntimeError("a defect"), KeyError("x"), RecursionError(), ZeroDivisionError()])
async def test_a_defect_of_ours_is_a_letter_and_the_partition_goes_on(
    letters: DeadLetters, store: CustomerStore, worker: MakeWorker, meter: Counted, error: Exception
) -> None:
    await store.append([said(purchase(1, id="a")), said(purchase(2, id="b"))])
    loop = worker(policy=breaking(error))
    await drained(loop)
    found = await everything(letters)
    assert [each.what.reason for each in found] == ["fold_failed"] * 2
    assert found[0].what.error.startswith(type(error).__name__)
    assert loop.positions[store.shard(ALICE)] == found[1].what.offset
    assert meter.counts["worker_dead_letters"] == 2


async def test_trouble_is_never_a_letter(letters: DeadLetters, store: CustomerStore, worker: MakeWorker) -> None:
    await store.append([said(purchase(10))])
    loop = worker(policy=breaking(StoreUnavailable("away")))
    with pytest.raises(StoreUnavailable):
        await drained(loop)
    assert await everything(letters) == []
    await drained(worker())
    assert (await store.read(ALICE)).profile.features[SPEND] == 10, "the partition has waited"


def test_a_validation_error_inside_the_fold_is_a_defect_and_not_undecodable() -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            return DeadLetter.model_validate({})

    odd: Any = Odd()
    fold = ProfileFold(dataclasses.replace(live(), definition=odd), Counted())
    event = purchase(1)
    record = LogRecord("interactions", 7, NOON_MS, event.id, ALICE, orjson.dumps(to_cloud_event(event)))
    (letter,) = fold(Customer(ALICE), [record]).records
    assert orjson.loads(letter.body)["reason"] == "fold_failed"


async def test_a_letter_says_why_where_and_what(letters: DeadLetters, store: CustomerStore, worker: MakeWorker) -> None:
    whole = to_cloud_event(purchase(1, id="x"))
    bodies = [
        ("interactions", b"\x00\xff{", "undecodable"),
        ("interactions", orjson.dumps({**whole, "specversion": "7"}), "undecodable"),
        ("interactions", b"[" * 100_000, "undecodable"),
        ("decisions", b"{}", "undecodable"),
        ("responses", b"null", "undecodable"),
        ("identities", b'{"kind": "rumour"}', "undecodable"),
        ("erasures", b"", "undecodable"),
        ("nowhere", b"{}", "ill_typed"),
        ("interactions", orjson.dumps({**whole, "data": {"amount": "much"}}), "ill_typed"),
        ("interactions", orjson.dumps({**whole, "type": "refund"}), "ill_typed"),
    ]
    await store.append(Record(topic, f"r{n}", ALICE, body) for n, (topic, body, _) in enumerate(bodies))
    await drained(worker())
    found = await everything(letters)
    assert [(each.what.topic, each.original, each.what.reason) for each in found] == bodies
    shard = store.shard(ALICE)
    log: Any = await store.scripts.redis.xrange(keys.outbox(shard))
    assert [each.what.offset for each in found] == [offset_of(at) for at, _ in log]
    assert {(each.what.log, each.what.partition, each.subject) for each in found} == {("redis", shard, ALICE)}
    assert [each.record_id for each in found] == [f"r{n}" for n in range(len(bodies))]
    assert all(each.what.error for each in found)
    assert found[0].what.at_ms == offset_of(log[0][0]) >> 20


def test_the_intake_says_the_same_of_records_in_kafka() -> None:
    found = InKafka("responses", 3, 17, NOON_MS, b"k\xff", [("ce_id", b"1")], b"\x00")
    letter = of_the_intake(found, Undecodable("no JSON"))
    assert (letter.topic, letter.id, letter.subject) == ("dead-letters", "responses/3/17", "")
    assert DeadLetter.model_validate_json(letter.body) == DeadLetter(
        reason="undecodable",
        error="no JSON",
        log="kafka",
        topic="responses",
        partition=3,
        offset=17,
        at_ms=NOON_MS,
        key=base64.b64encode(b"k\xff").decode(),
        headers=(("ce_id", base64.b64encode(b"1").decode()),),
        original=base64.b64encode(b"\x00").decode(),
    )
    causes = {"ill_typed": BadFields("x"), "unknown_code": UnknownCode("c"), "fold_failed": OSError()}
    for reason, cause in causes.items():
        assert orjson.loads(of_the_intake(found, cause, ALICE).body)["reason"] == reason


async def test_what_is_put_back_is_folded_once(letters: DeadLetters, store: CustomerStore, worker: MakeWorker) -> None:
    people = [f"customer:c{n}" for n in range(9)]
    await store.append(refund(n, subject=each) for each in people for n in range(40))
    await drained(worker())
    before = await everything(letters)
    assert len(before) == 360
    again, once_more = await asyncio.gather(retried(letters), retried(letters))
    assert again.put_back + once_more.put_back == 360
    assert again.gone + once_more.gone <= 360
    assert (await retried(letters)).put_back == 0
    shard = before[0].id.shard
    log: Any = await store.scripts.redis.xrange(keys.outbox(shard))
    back = [(fields[b"id"].decode(), int(fields[b"first_ms"])) for _, fields in log if b"first_ms" in fields]
    assert sorted(back) == sorted((each.record_id, each.what.at_ms) for each in before if each.id.shard == shard)
    await drained(worker(policy=WITH_REFUND))
    assert [await refunds(store, each) for each in people] == [40.0] * 9
    assert await everything(letters) == []


async def test_what_is_put_back_keeps_its_order(letters: DeadLetters, store: CustomerStore, worker: MakeWorker) -> None:
    await store.append(refund(n) for n in range(250))  # some pages
    await drained(worker())
    assert (await retried(letters)).put_back == 250
    log: Any = await store.scripts.redis.xrange(keys.outbox(store.shard(ALICE)))
    back = [fields[b"id"].decode() for _, fields in log if b"first_ms" in fields]
    assert back == [f"test#refund-{n}" for n in range(250)]


async def test_one_that_fails_again_is_a_letter_again(
    letters: DeadLetters, store: CustomerStore, worker: MakeWorker
) -> None:
    await store.append([refund(1), said(purchase(5))])
    await drained(worker())
    (first,) = await everything(letters)
    assert (await retried(letters)).put_back == 1
    await drained(worker())
    (second,) = await everything(letters)
    assert second.id > first.id
    assert (second.original, second.record_id) == (first.original, first.record_id)
    assert second.what.offset > first.what.offset
    assert second.what.at_ms == first.what.at_ms, "when the log took it first"
    assert (await store.read(ALICE)).profile.features[SPEND] == 5


async def test_what_its_sender_has_sent_again_meanwhile_counts_once(
    letters: DeadLetters, store: CustomerStore, worker: MakeWorker
) -> None:
    await store.append([refund(1)])
    await drained(worker())
    await store.append([refund(1)])
    await drained(worker(policy=WITH_REFUND))
    assert await refunds(store) == 1
    assert (await retried(letters)).put_back == 1
    await drained(worker(policy=WITH_REFUND))
    assert await refunds(store) == 1


async def test_an_event_without_a_time_is_of_when_it_came_first(
    letters: DeadLetters, store: CustomerStore, worker: MakeWorker
) -> None:
    event = {name: value for name, value in to_cloud_event(interaction("refund", id="r")).items() if name != "time"}
    await store.append([Record("interactions", "test#r", ALICE, orjson.dumps({**event, "data": {"amount": 1}}))])
    await drained(worker())
    (letter,) = await everything(letters)
    await asyncio.sleep(0.01)
    await retried(letters)
    await drained(worker(policy=WITH_REFUND))
    assert (await store.read(ALICE)).profile.last == letter.what.at_ms


def unplaced(body: bytes, topic: str = "interactions") -> Record:
    return of_the_intake(InKafka(topic, 0, 1, NOON_MS, None, (), body), BadFields("about nobody"))


async def put(store: CustomerStore, shard: int, letter: Record) -> None:
    fields: Any = {
        "topic": letter.topic,
        "id": letter.id,
        "subject": letter.subject,
        "schema": "1",
        "body": letter.body,
    }
    await store.scripts.redis.xadd(keys.dead_letters(shard), fields)


async def test_one_that_was_never_taken_in_finds_its_customer_over_shards(
    letters: DeadLetters, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    people = [f"customer:c{n}" for n in range(12)]
    for who in people:
        event = to_cloud_event(interaction("refund", subject=who, data={"amount": 1.0}))
        await put(store, 0, unplaced(orjson.dumps(event)))
    assert (await retried(letters)).refusals == 12, "no policy is live"
    assert (await retried(letters, policy=live())).refusals == 12, "it does not know the type"
    done = await retried(letters, policy=WITH_REFUND)
    assert (done.put_back, done.refusals) == (12, 0)
    assert len({store.shard(who) for who in people}) > 1
    while await Courier(store, lambda: ALL_SHARDS, meter).deliver():
        await drained(worker(policy=WITH_REFUND))
    await drained(worker(policy=WITH_REFUND))
    assert [await refunds(store, who) for who in people] == [1.0] * 12
    log: Any = await store.scripts.redis.xrange(keys.outbox(store.shard(people[-1])))
    assert {fields[b"first_ms"] for _, fields in log} == {str(NOON_MS).encode()}


async def test_one_that_cannot_go_back_stays_and_says_why(letters: DeadLetters, store: CustomerStore) -> None:
    whole = to_cloud_event(purchase(1))
    bodies = [
        b"{",
        orjson.dumps({**whole, "subject": None, "x": "y"}),
        orjson.dumps({**whole, "type": "session_ended"}),
    ]
    for number, body in enumerate(bodies * 3):
        await put(store, number % SHARDS, unplaced(body))
    await put(store, 1, unplaced(b"{}", "responses"))
    # somebody who forges what only Opportune says, about somebody whom the intake could tell
    forged = orjson.dumps({**whole, "type": "timer_fired", "data": {"timer": "x"}})
    found = InKafka("interactions", 0, 1, NOON_MS, b"k", (), forged)
    await put(store, store.shard(ALICE), of_the_intake(found, BadFields("sent by Opportune only"), ALICE))
    done = await retried(letters, policy=live())
    assert (done.put_back, done.refusals, len(done.refused)) == (0, 11, 5)
    assert all("send it again" in why for _, why in done.refused)
    assert len(await everything(letters)) == 11


async def test_the_erased_have_no_letters_and_none_comes_back(
    letters: DeadLetters, redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    other = next(f"customer:b{n}" for n in range(99) if shard_of(f"customer:b{n}", SHARDS) == store.shard(ALICE))
    await store.append([refund(1), refund(2), refund(1, subject=other)])
    await drained(worker())
    mine = await everything(letters, Wanted(subject=ALICE))
    assert len(mine) == 2
    registry = Registry(redis)
    receipt = (await Erasing(store, registry, wait_s=0).erase(ALICE, datetime.now(UTC))).receipt

    one, two = mine
    streams = DeadLetterStreams(store)
    # put back between the request and its execution: it stands behind the request, and is of the old life all the same
    assert await streams.put_back([(one, record_of(one, None))]) == [PutBack.OK]
    await drained(worker(policy=WITH_REFUND))
    assert await refunds(store) is None
    assert await streams.put_back([(two, record_of(two, None))]) == [PutBack.ERASED]
    await Erasures(store, registry, lambda: ALL_SHARDS, meter).finish_waiting()
    assert await streams.put_back([(two, record_of(two, None))]) == [PutBack.GONE]
    done = await Erasing(store, registry).receipt(receipt)
    assert done is not None
    assert done.removed is not None
    assert (done.state, done.removed["dead_letters"]) == ("done", 1)
    assert [each.subject for each in await everything(letters)] == [other]

    # a letter that a failover has brought back after all that
    await put(store, one.id.shard, Record("dead-letters", one.record_id, ALICE, orjson.dumps(one.what.model_dump())))
    assert (await retried(letters, Wanted(subject=ALICE))).put_back == 1
    await drained(worker(policy=WITH_REFUND))
    assert await refunds(store) is None
    log: Any = await redis.xrange(keys.outbox(one.id.shard))
    assert ALICE.encode() not in {fields[b"subject"] for _, fields in log}, "nor does the log say the name"
    await store.append([refund(3)])
    await drained(worker(policy=WITH_REFUND))
    assert await refunds(store) == 1, "a new life is as good as any"


async def test_the_newest_come_first_by_page_and_by_filter(
    letters: DeadLetters, store: CustomerStore, worker: MakeWorker
) -> None:
    people = [f"customer:c{n}" for n in range(7)]
    for round_ in range(20):
        await store.append(refund(round_, subject=each) for each in people)
        await drained(worker())
    await store.append([Record("interactions", "poison", people[0], b"{")])
    await drained(worker())
    seen: list[str] = []
    page = await letters.newest(Wanted(), 30)
    assert page.letters[0].reason == "undecodable"
    while True:
        assert page.counts == {"ill_typed": 140, "undecodable": 1}
        seen += [each.id for each in page.letters]
        if not page.more:
            break
        page = await letters.newest(Wanted(), 30, LetterId.parsed(seen[-1]))
    assert len(seen) == len(set(seen)) == 141
    assert seen == sorted(seen, key=LetterId.parsed, reverse=True)
    for wanted, amount in [
        (Wanted(reason="undecodable"), 1),
        (Wanted(subject=people[3]), 20),
        (Wanted(topic="responses"), 0),
        (Wanted(topic="interactions", subject=people[0]), 21),
        (Wanted(since_ms=LetterId.parsed(seen[49]).ms, subject=None), None),
    ]:
        found = await letters.newest(wanted, 1_000)
        if amount is None:
            assert 50 <= len(found.letters) <= 57, "no older than the fiftieth, and those of the same millisecond"
        else:
            assert (sum(found.counts.values()), len(found.letters), found.more) == (amount, amount, False)


async def test_only_so_many_so_large_and_so_old_are_kept(store: CustomerStore, meter: Counted, redis: Redis) -> None:
    bounds = LetterBounds(store, lambda: frozenset([0, 1]), meter, keep=50)
    now = at_ms(datetime.now(UTC))
    client: Any = redis

    async def add(shard: int, amount: int, old_ms: int, size: int = 10) -> None:
        for number in range(amount):
            await client.xadd(keys.dead_letters(shard), {"body": b"x" * size}, id=f"{now - old_ms}-{number + 1}")

    await add(0, 3, KEPT_MS + HOUR)
    await add(0, 60, HOUR)
    await add(1, 2, KEPT_MS + DAY)
    await add(1, 5, DAY)
    await add(2, 60, KEPT_MS + DAY)
    assert await bounds.look(now) == 13 + 2
    assert [await client.xlen(keys.dead_letters(shard)) for shard in range(3)] == [50, 5, 60], "only those owned"
    assert (await client.xrange(keys.dead_letters(0), count=1))[0][0].decode() == f"{now - HOUR}-11", "the oldest go"
    assert meter.counts["worker_dead_letters_cut"] == 15
    assert await bounds.look(now) == 0
    await add(1, 24, 0, size=4 << 20)
    assert await bounds.look(now) > 5
    while await bounds.look(now):
        pass
    assert await client.memory_usage(keys.dead_letters(1), samples=0) <= MOST_BYTES
    assert await client.xlen(keys.dead_letters(1)) >= 12
    assert meter.counts["worker_dead_letters_cut"] == 15 + 29 - await client.xlen(keys.dead_letters(1))


def test_an_id_is_read_as_it_is_written() -> None:
    assert str(LetterId.parsed("0003-1767225600000-12")) == "0003-1767225600000-12"
    for wrong in ("", "3-1-1", "0003-1-", "0003-x-1", "0003-1-1\n", "0003-١-1"):
        with pytest.raises(ValueError, match="no id of a dead letter"):
            LetterId.parsed(wrong)


def test_a_record_goes_back_as_it_was() -> None:
    record = LogRecord("responses", 9, NOON_MS, "r", ALICE, b"{\x00")
    kept = DeadLetter.model_validate_json(of_the_fold(record, 3, UnknownCode("C")).body)
    back = record_of(Letter(LetterId(1, 0, 3), "r", ALICE, kept), None)
    assert back == Record("responses", "r", ALICE, b"{\x00")
    with pytest.raises(CannotGoBack, match="no policy is live"):
        record_of(Letter(LetterId(1, 0, 3), "r", "", kept), None)
