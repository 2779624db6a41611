"""Erasure: nothing of the customer is left anywhere, nothing brings it back, and what comes later starts afresh."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from app.decisioning import Decisioning
from app.erasing import Erasing
from app.errors import UnknownResponseCode
from app.responding import Responding
from consumers.courier import Courier
from consumers.erasing import Erasures
from consumers.loop import MOST_RECORDS, GuardedLoop
from consumers.redis_streams import offset_of
from consumers.timers import Timers
from profiles import erasure, keys
from profiles.customer import NEVER, Customer
from profiles.erasure import TOMBSTONE_MS
from profiles.errors import StoreUnavailable
from profiles.log_stream import OUTBOX
from profiles.registry import Registry
from profiles.scripts import Batch
from profiles.shards import shard_of
from profiles.store import CustomerStore, Record
from rules.arbitration import NothingLearned
from schemas.base import at_ms
from schemas.decision import Decision, DecisionRequest, Placement
from schemas.erasure import ErasureReceipt
from schemas.response import ResponseRequest
from tests.builders import DAY, NOON_MS, definition, interaction, live, purchase
from tests.consumers.conftest import SHARDS, Counted, MakeWorker
from tests.consumers.test_loop import drained, said

ALICE = "customer:alice"
NEIGHBOUR = next(f"bob{n}" for n in range(99) if shard_of(f"customer:bob{n}", SHARDS) == shard_of(ALICE, SHARDS))
BOB = f"customer:{NEIGHBOUR}"
CELLS = [{"id": "all", "share": 100, "offers": ["mug", "pen"]}]
SPEND = definition().features["spend"].key
POLICY = live(
    rules=[{"id": "thanks", "when": "purchase", "if": "event.amount > 5.0", "propose": "mug", "for": "365d"}],
    campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": CELLS}]}],
    contact_policy={"remember": "300d"},
)
ALL_SHARDS = frozenset(range(SHARDS))


class Live:
    current = POLICY


class World:
    """One store with the calls of the API, and workers that take steps when they are told to."""

    def __init__(self, redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted) -> None:
        self.redis, self.store, self._worker, self._meter = redis, store, worker, meter
        self.registry = Registry(redis)
        self.erasing = Erasing(store, self.registry, wait_s=0)
        self.decisioning = Decisioning(store, Live(), NothingLearned(), meter, keep_ms=DAY)
        self.responding = Responding(store, Live(), meter)
        self.finishing = Erasures(store, self.registry, lambda: ALL_SHARDS, meter)

    def worker(self, name: str = "one") -> GuardedLoop:
        return self._worker(name, POLICY)

    async def folded(self) -> None:
        await drained(self.worker())

    async def decide(self, subject: str = "alice", placement: str = "hero") -> Decision:
        asked = DecisionRequest(customer=subject, channel="web", placements=(Placement(placement=placement),))
        return await self.decisioning.decide(asked, datetime.now(UTC))

    async def lived(self) -> Decision:
        """A customer with a history: a session, timers, decisions, an answer, a dead letter, an action."""
        await self.store.append(
            [said(interaction("call_started", data={"age": 41})), said(purchase(60)), said(purchase(7, subject=BOB))]
        )
        await self.store.append([Record("interactions", "broken", ALICE, b"{alice")])
        await self.folded()
        made = await self.decide()
        await self.decide(placement="elsewhere")  # chooses nothing
        await self.decide(NEIGHBOUR)
        await self.responding.respond(
            ResponseRequest(code=made.treatments[0].code, outcome="declined"), datetime.now(UTC)
        )
        await self.redis.zadd(keys.timers(self.shard), {f"{BOB}|x": 10**15})
        await self.redis.xadd(keys.actions(self.shard), {"subject": ALICE, "body": "write to alice", "topic": "a"})
        await self.folded()
        return made

    @property
    def shard(self) -> int:
        return self.store.shard(ALICE)

    async def ask(self) -> str:
        return (await self.erasing.erase(ALICE, datetime.now(UTC))).receipt

    async def erased(self) -> ErasureReceipt:
        receipt = await self.ask()
        await self.folded()
        await self.finishing.finish_waiting()
        found = await self.erasing.receipt(receipt)
        assert found is not None
        return found

    async def spend(self) -> float | None:
        return (await self.store.read(ALICE)).profile.features.get(SPEND)


@pytest.fixture
def world(redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted) -> World:
    return World(redis, store, worker, meter)


async def traces(redis: Redis, name: str = "alice") -> list[str]:
    """Every place in the whole Redis that holds the name: keys, and values of every type."""
    client: Any = redis
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }
    everything = [(key, await readers[await client.type(key)](key)) for key in await client.keys("*")]
    return [str(each) for each in everything if name in str(each)]


async def test_nothing_of_the_customer_is_left_anywhere(world: World) -> None:
    await world.lived()
    assert len(await traces(world.redis)) > 6
    receipt = await world.erased()
    assert await traces(world.redis) == []
    assert await traces(world.redis, NEIGHBOUR), "only the one who asked is erased"
    assert receipt.state == "done"
    assert receipt.removed == {
        "actions": 1,
        "codes": 1,
        "customers": 1,
        "dead_letters": 1,
        "decisions": 2,
        "records": 7,  # two interactions, a broken one, two decisions, an answer, and the request itself
        "timers": 2,  # one each for web and call, and one more
    }


async def test_what_is_counted_stays(world: World) -> None:
    await world.lived()
    before = await world.store.counts()
    await world.erased()
    assert await world.store.counts() == before


async def test_a_position_that_goes_back_does_not_bring_anybody_back(world: World) -> None:
    await world.lived()
    log: Any = await world.redis.xrange(keys.outbox(world.shard))
    await world.erased()
    await world.redis.hset(keys.guard(world.shard), OUTBOX.position, "0")
    await world.folded()
    assert await traces(world.redis) == []
    for entry_id, fields in log:  # a log that is not ours to clean would still hold all of it
        if fields[b"subject"] == ALICE.encode():
            await world.redis.delete(keys.outbox(world.shard))
            await world.redis.xadd(keys.outbox(world.shard), fields, id=entry_id)
            await world.redis.hset(keys.guard(world.shard), OUTBOX.position, "0")
            await world.folded()
    assert (await world.store.read(ALICE)).version == NEVER


async def test_what_comes_later_starts_afresh(world: World) -> None:
    await world.lived()
    await world.store.append([said(purchase(60, id="unread"))])
    await world.ask()
    await world.store.append([said(purchase(3, id="later")), said(purchase(60, id="unread"))])
    await world.folded()
    await world.finishing.finish_waiting()
    customer = await world.store.read(ALICE)
    assert customer.profile.features[SPEND] == 63, "also what is sent again: nobody remembers that it was sent before"
    assert customer.profile.attributes == {}
    assert [each.rule for each in customer.ledger.proposals] == ["thanks"]
    assert customer.ledger.entries == ()
    await world.redis.hset(keys.guard(world.shard), OUTBOX.position, "0")
    await world.folded()
    assert (await world.store.read(ALICE)).profile.features[SPEND] == 63


async def test_who_comes_back_much_later_starts_afresh_and_can_be_erased_again(world: World) -> None:
    await world.lived()
    await world.erased()
    await world.store.append([said(purchase(3))])
    await world.folded()
    assert await world.spend() == 3
    assert (await world.decide()).treatments
    receipt = await world.erased()
    assert await traces(world.redis) == []
    assert receipt.removed is not None
    assert receipt.removed["decisions"] == 1


async def test_a_code_that_was_erased_is_not_known(world: World) -> None:
    made = await world.lived()
    code = ResponseRequest(code=made.treatments[0].code, outcome="accepted")
    await world.ask()
    await world.folded()
    with pytest.raises(UnknownResponseCode):
        await world.responding.respond(code, datetime.now(UTC))
    await world.finishing.finish_waiting()
    with pytest.raises(UnknownResponseCode):
        await world.responding.respond(code, datetime.now(UTC))


async def test_what_the_old_life_said_after_the_request_goes_too(world: World) -> None:
    """Between the request and its fold an answer is taken in and a timer fires; both stand behind it in the log."""
    made = await world.lived()
    await world.redis.hset(keys.guard(world.shard), "nobody", "folds")
    await world.ask()
    accepted = ResponseRequest(code=made.treatments[0].code, outcome="accepted")
    await world.responding.respond(accepted, datetime.now(UTC))
    await Timers(world.store, lambda: ALL_SHARDS, Counted()).fire_due(at_ms(datetime.now(UTC)))
    await world.folded()
    await world.finishing.finish_waiting()
    assert await traces(world.redis) == []


async def test_a_decision_that_chooses_nothing_does_not_bring_anything_back(world: World) -> None:
    """It changes nobody, and yet must not be written for somebody who was erased while it was made."""
    await world.lived()
    reads = world.store.read
    seen: list[Customer] = []

    async def read(subject: str) -> Customer:
        found = await reads(subject)
        if not seen:
            seen.append(found)
            world.store.read = reads  # type: ignore[method-assign]
            await world.erased()
        return found

    world.store.read = read  # type: ignore[method-assign]
    decided = await world.decide(placement="elsewhere")
    record = await world.decisioning.record(decided.decision)
    assert seen
    assert record is not None
    assert record.ledger["entries"] == record.ledger["proposals"] == []


async def test_an_id_never_seen_gets_a_receipt_and_asking_twice_is_harmless(world: World) -> None:
    first, second = await world.erased(), await world.erased()
    assert first.state == second.state == "done"
    assert first.removed == {"codes": 0, "customers": 0, "decisions": 0, "records": 1, "timers": 0}
    assert second.receipt != first.receipt
    assert await traces(world.redis) == []


async def test_a_request_that_reached_the_log_twice_keeps_its_counts(world: World) -> None:
    await world.lived()
    await world.ask()
    log: Any = await world.redis.xrevrange(keys.outbox(world.shard), count=1)
    await world.redis.xadd(keys.outbox(world.shard), log[0][1])
    await world.folded()
    await world.finishing.finish_waiting()
    await world.redis.xadd(keys.outbox(world.shard), log[0][1])
    await world.folded()
    await world.finishing.finish_waiting()
    (kept,) = (await world.registry.all("erasures")).values()
    removed = ErasureReceipt.model_validate_json(kept).removed
    assert removed is not None
    assert (removed["customers"], removed["decisions"], removed["records"]) == (1, 2, 7)
    assert await traces(world.redis) == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_request_that_comes_again_later_spares_what_has_been_since(world: World, at_once: bool) -> None:
    """As a relay that was frozen in the middle of sending may bring it to Kafka."""
    await world.lived()
    await world.ask()
    log: Any = await world.redis.xrevrange(keys.outbox(world.shard), count=1)
    if not at_once:
        await world.folded()
        await world.finishing.finish_waiting()
    await world.store.append([said(purchase(3, id="new"))])
    await world.redis.xadd(keys.outbox(world.shard), log[0][1])
    await world.folded()
    await world.finishing.finish_waiting()
    assert await world.spend() == 3
    (kept,) = (await world.registry.all("erasures")).values()
    assert ErasureReceipt.model_validate_json(kept).state == "done"
    again: Any = await world.redis.xrange(keys.outbox(world.shard))
    assert all(fields[b"topic"] != b"erasures" for _, fields in again), "nor does it stay in the log"


async def test_two_people_with_similar_names_are_two(world: World) -> None:
    similar = ("customer:alice|session", "customer:alic*", "visitor:alice", "customer:alice2")
    await world.store.append([said(purchase(5, subject=each)) for each in similar])
    await world.redis.zadd(keys.timers(world.shard), {f"{each}|session:web": 10**15 for each in similar})
    await world.lived()
    await world.erased()
    timers: Any = await world.redis.zrange(keys.timers(world.shard), 0, -1)
    left = {member.rpartition(b"|")[0].decode() for member in timers}
    assert set(similar) <= left
    for each in similar:
        assert (await world.store.read(each)).profile.features[SPEND] == 5


@pytest.mark.parametrize("step", range(12))
async def test_a_crash_between_any_two_steps_is_made_good(world: World, step: int, monkeypatch: Any) -> None:
    await world.lived()
    receipt = await world.ask()
    await world.folded()
    done, run = 0, Batch.run

    async def crashing(batch: Batch) -> list[Any]:
        nonlocal done
        if done == step:
            raise StoreUnavailable("the process is gone")
        done += 1
        return await run(batch)

    with monkeypatch.context() as crash:
        crash.setattr(Batch, "run", crashing)
        try:
            await world.finishing.finish_waiting()
        except StoreUnavailable:
            assert step < done + 1
    await world.finishing.finish_waiting()
    assert await traces(world.redis) == []
    kept = await world.erasing.receipt(receipt)
    assert kept is not None
    assert kept.removed is not None
    assert (kept.removed["records"], kept.removed["customers"], kept.removed["actions"]) == (7, 1, 1)


async def test_the_mark_of_somebody_erased_goes_after_the_replay_window(world: World) -> None:
    await world.lived()
    await world.erased()
    now = at_ms(datetime.now(UTC))
    assert await world.redis.hlen(keys.erased(world.shard)) == 2
    await erasure.prune(world.store, ALL_SHARDS, now + TOMBSTONE_MS - DAY)
    assert await world.redis.hlen(keys.erased(world.shard)) == 2
    await erasure.prune(world.store, ALL_SHARDS, now + TOMBSTONE_MS + DAY)
    assert await world.redis.hlen(keys.erased(world.shard)) == 1


async def test_the_log_is_not_cleaned_before_it_is_read(world: World) -> None:
    await world.lived()
    receipt = await world.ask()
    loop = world.worker()
    await world.store.append([said(purchase(1, id=f"behind-{n}")) for n in range(MOST_RECORDS + 100)])
    await loop.step()  # not all of them: the erasure is folded, the end that it saw is not reached
    await world.finishing.finish_waiting()
    pending = await world.erasing.receipt(receipt)
    assert pending is not None
    assert pending.state == "pending"
    await drained(loop)
    await world.finishing.finish_waiting()
    assert await world.spend() == MOST_RECORDS + 100


async def test_a_last_record_that_is_gone_is_not_waited_for(world: World) -> None:
    """What stood at the end of the log when the erasure was committed went before anybody's position came so far."""
    await world.lived()
    receipt = await world.ask()
    guard, outbox = keys.guard(world.shard), keys.outbox(world.shard)
    asked: Any = await world.redis.xrevrange(outbox, count=1)
    await world.store.append([said(purchase(1, subject=BOB, id="last"))])
    last: Any = await world.redis.xrevrange(outbox, count=1)
    await world.folded()
    await world.redis.hset(guard, OUTBOX.position, str(offset_of(asked[0][0])))
    await world.finishing.finish_waiting()
    assert await traces(world.redis) != [], "the last record is not folded"
    await world.redis.xdel(outbox, last[0][0])
    await world.finishing.finish_waiting()
    kept = await world.erasing.receipt(receipt)
    assert kept is not None
    assert kept.state == "done"


async def test_the_call_waits_for_the_worker_and_then_gives_up(world: World) -> None:
    asking = Erasing(world.store, world.registry, wait_s=0.2)
    assert (await asking.erase(ALICE, datetime.now(UTC))).state == "pending"
    patient = asyncio.create_task(Erasing(world.store, world.registry, wait_s=20).erase(ALICE, datetime.now(UTC)))
    while not patient.done():
        await world.folded()
        await world.finishing.finish_waiting()
        await asyncio.sleep(0.01)
    assert patient.result().state == "done"
    assert orjson.loads((await world.registry.all("erasures"))[patient.result().receipt])["state"] == "done"


async def test_records_of_before_are_folded_before(world: World) -> None:
    """They count; then they are gone."""
    await world.store.append([said(purchase(10, NOON_MS))])
    await world.erased()
    assert (await world.store.counts())["2026-03-10|interactions|purchase|web"] == 1
    assert await world.spend() is None


MINE, SHARED = "visitor:v-alices", "visitor:v-shared"


async def settled(world: World) -> None:
    """Everything is folded and delivered; nothing is finished."""
    courier = Courier(world.store, lambda: ALL_SHARDS, Counted())
    await world.folded()
    while await courier.deliver():
        await world.folded()


async def with_others(world: World) -> None:
    """One visitor is alice, another somebody else's, though she has used it."""
    await world.store.append([said(purchase(1, subject=BOB, links=(SHARED,))), said(purchase(2, subject=MINE))])
    await world.store.append([said(purchase(3, NOON_MS + DAY, links=(each,), id=each)) for each in (MINE, SHARED)])
    await settled(world)


async def left_in_streams(world: World) -> list[str]:
    """What names her when the transit is cut, as it is after ten minutes."""
    for shard in ALL_SHARDS:
        await world.redis.xtrim(keys.transit(shard), maxlen=0, approximate=False)
    return [each for name in ("alice", "v-alices") for each in await traces(world.redis, name)]


async def test_with_a_customer_goes_what_is_known_by_other_names(world: World) -> None:
    """The visitor who is alice is erased with her; the one who is somebody else's forgets that she claimed it."""
    await with_others(world)
    receipt = (await world.erasing.erase(MINE, datetime.now(UTC))).receipt  # by the name of the visitor
    await settled(world)
    await world.finishing.finish_waiting()
    found = await world.erasing.receipt(receipt)
    assert found is not None
    assert found.state == "done"
    assert found.removed is not None
    assert found.removed["customers"] == 2
    assert await left_in_streams(world) == []
    assert (await world.store.read(SHARED)).identity.owner == BOB
    assert not (await world.store.read(ALICE)).identity.sources
    await world.store.append([said(purchase(5, NOON_MS + 2 * DAY, subject=MINE, id="afresh"))])
    await settled(world)
    assert (await world.store.read(MINE)).profile.features[SPEND] == 5
    assert (await world.store.read(MINE)).identity.owner is None


async def test_it_is_done_when_everybody_who_was_told_has_seen_to_it(world: World) -> None:
    """Step by step, each finished before the next one hears of it."""
    await with_others(world)
    receipt = await world.ask()
    courier, states = Courier(world.store, lambda: ALL_SHARDS, Counted()), []
    for _ in range(4):
        await world.folded()
        await world.finishing.finish_waiting()
        found = await world.erasing.receipt(receipt)
        assert found is not None
        assert found.removed is not None
        states.append((found.state, found.removed["customers"], len(found.told)))
        await courier.deliver()
    assert states == [("pending", 1, 2), ("pending", 2, 3), ("done", 2, 3), ("done", 2, 3)]
    assert await left_in_streams(world) == [], "also where alice was told when she was gone already"
    assert found is not None
    each = [await world.erasing.receipt(one) for one in found.told]
    assert [one.state for one in each if one is not None] == ["done"] * 3


async def test_two_requests_at_once_tell_everybody(world: World) -> None:
    await with_others(world)
    receipts = [await world.ask(), await world.ask()]
    await settled(world)
    await world.finishing.finish_waiting()
    found = [await world.erasing.receipt(each) for each in receipts]
    assert [each.state for each in found if each is not None] == ["done", "done"]
    assert (await world.store.read(MINE)).version == NEVER
    assert await left_in_streams(world) == []


async def test_who_forgets_somebody_keeps_all_the_rest(world: World) -> None:
    """Also what is said of others in the same log, and what comes later of the same name."""
    await with_others(world)
    await world.ask()
    await settled(world)
    await world.store.append([said(purchase(1, NOON_MS + 2 * DAY, links=(SHARED,), id="again"))])
    await settled(world)
    before = await world.store.read(SHARED)
    await world.finishing.finish_waiting()
    after = await world.store.read(SHARED)
    assert (after.version, after.identity) == (before.version, before.identity)
    assert after.identity.claims.keys() == {BOB, ALICE}, "she has come back"
    log: Any = await world.redis.xrange(keys.outbox(world.store.shard(SHARED)))
    claims = [fields[b"id"].decode() for _, fields in log if fields[b"subject"] == SHARED.encode()]
    assert claims == [f"{BOB}>{SHARED}", f"{ALICE}>{SHARED}"]
