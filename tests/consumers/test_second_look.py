"""A decision that Redis has lost and the log still holds: its codes are known again once it is folded, and responses
that came before that are put back, once."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from consumers.dead_letters import InKafka, of_the_intake
from consumers.folding import ProfileFold
from consumers.kafka.decoding import Decoding
from consumers.second_look import LOOKS_BACK_MS, SecondLook
from profiles import keys
from profiles.customer import Customer
from profiles.ledger import UnknownCode
from profiles.store import CustomerStore, NewKey, Record
from rules import codes
from schemas.decision import DecisionRecord
from tests.builders import NOON_MS, purchase
from tests.consumers.conftest import SHARDS, Counted, MakeWorker
from tests.consumers.course import ALICE
from tests.consumers.test_actions import MESSAGE, acting, log_record
from tests.consumers.test_loop import drained, said

POLICY = acting(MESSAGE)


@dataclass(frozen=True)
class Policies:
    current = POLICY


@dataclass(frozen=True)
class Lost:
    """A decision of which only the record is left, and the keys it had."""

    record: Record
    code: str
    keys: list[NewKey]


@pytest.fixture
def lost(store: CustomerStore, meter: Counted) -> Lost:
    made = ProfileFold(POLICY, meter)(Customer(ALICE), [log_record(purchase(10))], store.shard(ALICE), salt=0)
    (record,) = (each for each in made.records if each.topic == "decisions")
    (treatment,) = DecisionRecord.model_validate_json(record.body).treatments
    return Lost(record, treatment.code, list(made.new_keys))


@pytest.fixture
def second_look(store: CustomerStore, meter: Counted) -> SecondLook:
    return SecondLook(store, lambda: frozenset(range(SHARDS)), Decoding(SHARDS), Policies(), meter)


async def dead(redis: Redis, code: str, offset: int = 7) -> int:
    """A response of a backend that the intake could not take. When it became a letter (ms)."""
    body = orjson.dumps({"code": code, "outcome": "accepted"})
    letter = of_the_intake(InKafka("responses", 3, offset, NOON_MS + 1, None, (), body), UnknownCode(code))
    where = keys.dead_letters(codes.shard_of(code))
    at: Any = await redis.xadd(where, dict(zip(("topic", "id", "subject", "body"), letter.args(), strict=True)))
    return int(at.decode().partition("-")[0])


async def letters(redis: Redis) -> int:
    return sum([await redis.xlen(keys.dead_letters(shard)) for shard in range(SHARDS)])


async def outcomes(store: CustomerStore) -> list[list[str]]:
    return [list(each.outcomes) for each in (await store.read(ALICE)).ledger.entries]


async def test_the_fold_of_a_lost_decision_makes_its_keys_again(
    redis: Redis, store: CustomerStore, worker: MakeWorker, lost: Lost
) -> None:
    await redis.set(lost.keys[1].key, b"another decision, which has drawn the code meanwhile")
    await store.append([lost.record])
    await drained(worker(policy=POLICY))
    assert len(lost.keys) == 2
    for each in lost.keys:
        assert await redis.get(each.key) == each.value
        assert 0 < await redis.pttl(each.key) <= each.ttl_ms


async def test_a_decision_that_is_not_lost_writes_no_keys(
    redis: Redis, store: CustomerStore, worker: MakeWorker, lost: Lost
) -> None:
    loop = worker(policy=POLICY)
    await store.append([said(purchase(10))])
    await drained(loop)
    await redis.delete(*(each.key for each in lost.keys))
    await store.append([lost.record])
    await drained(loop)
    assert not await redis.exists(*(each.key for each in lost.keys))


async def test_a_response_that_came_before_its_decision_is_put_back_once(
    redis: Redis, store: CustomerStore, worker: MakeWorker, second_look: SecondLook, meter: Counted, lost: Lost
) -> None:
    loop, died_ms = worker(policy=POLICY), await dead(redis, lost.code)
    assert await second_look.look(died_ms) == 0
    await store.append([lost.record])
    await drained(loop)
    assert await second_look.look(died_ms + 1000) == 1
    await drained(loop)
    assert await second_look.look(died_ms + 9000) == 0
    assert (await outcomes(store), await letters(redis)) == ([["presented", "accepted"]], 0)
    assert meter.counts["intake_found_again"] == 1


async def test_whoever_looks_second_finds_nothing(
    redis: Redis, store: CustomerStore, worker: MakeWorker, second_look: SecondLook, meter: Counted, lost: Lost
) -> None:
    other = SecondLook(store, lambda: frozenset(range(SHARDS)), Decoding(SHARDS), Policies(), meter)
    died_ms = await dead(redis, lost.code)
    assert [await each.look(died_ms) for each in (second_look, other)] == [0, 0]
    await store.append([lost.record])
    loop = worker(policy=POLICY)
    await drained(loop)
    for each in (second_look, other):
        await each.look(died_ms + 1000)
    entries: list[Any] = []
    for shard in range(SHARDS):
        entries += await redis.xrange(keys.outbox(shard)) or []
    assert [fields[b"topic"] for _, fields in entries].count(b"responses") == 1


async def test_it_looks_again_after_as_long_as_a_letter_has_waited(
    redis: Redis, store: CustomerStore, worker: MakeWorker, second_look: SecondLook, lost: Lost
) -> None:
    died_ms = await dead(redis, lost.code)
    assert await second_look.look(died_ms + 10_000) == 0
    await store.append([lost.record])
    await drained(worker(policy=POLICY))
    assert await second_look.look(died_ms + 19_999) == 0
    assert await second_look.look(died_ms + 20_000) == 1


async def test_what_nobody_ever_knows_stays_a_letter(redis: Redis, second_look: SecondLook) -> None:
    code = codes.draw("0001-never", 0, 0, 1)
    died_ms = await dead(redis, code)
    for number in range(150):  # more than one page
        await dead(redis, code, offset=100 + number)
    for seconds in (0, 1, 2, 4, 8, 16):
        assert await second_look.look(died_ms + 1000 * seconds) == 0
    assert await letters(redis) == 151


async def test_an_old_letter_is_not_looked_at(
    redis: Redis, store: CustomerStore, worker: MakeWorker, second_look: SecondLook, lost: Lost
) -> None:
    died_ms = await dead(redis, lost.code)
    await store.append([lost.record])
    await drained(worker(policy=POLICY))
    assert await second_look.look(died_ms + LOOKS_BACK_MS + 1) == 0
    assert await letters(redis) == 1
