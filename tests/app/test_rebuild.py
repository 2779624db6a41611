"""The log folded again: what differs is listed and mended, under traffic, and whoever dies in the middle."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest
from redis.asyncio import Redis

from app.decisioning import Decisioning
from app.erasing import Erasing
from app.errors import StartError
from app.rebuild import Rebuild, Report
from app.rebuild.hold import Hold, Lost
from app.rebuild.lock import LOCK
from app.rebuild.mending import Mending
from app.rebuild.second import SecondSpace
from app.responding import Responding
from consumers.courier import Courier
from consumers.erasing import Erasures
from consumers.folding import ProfileFold
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from consumers.timers import Timers
from profiles import keys
from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from profiles.scripts import Batch
from profiles.store import CustomerStore
from rules.arbitration import NothingLearned
from schemas.base import at_ms
from schemas.decision import DecisionRequest, Placement
from schemas.response import ResponseRequest
from tests.builders import DAY, HOUR, definition, interaction, live, purchase
from tests.consumers.conftest import Counted
from tests.consumers.test_loop import drained, said

SHARDS, PEOPLE = 2, 12
SPEND = definition().features["spend"].key
CELLS = [{"id": "all", "share": 100, "offers": ["mug", "pen"]}]
GOAL = {"when": "purchase", "within": "30d", "outcome": "accepted", "of": "decided", "amount": "event.amount"}
POLICY = live(
    rules=[{"id": "thanks", "when": "purchase", "if": "event.amount > 5.0", "propose": "mug", "for": "365d"}],
    campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": CELLS, "goal": GOAL}]}],
)


class Live:
    current = POLICY


class World:
    def __init__(self, redis: Redis, store: CustomerStore) -> None:
        self.redis, self.store, self.registry = redis, store, Registry(redis)
        self.decisioning = Decisioning(store, Live(), NothingLearned(), Counted(), keep_ms=DAY)
        self.responding = Responding(store, Live(), Counted())
        self.told: list[str] = []

    def worker(self, name: str = "one", keep: int = 10_000) -> GuardedLoop:
        streams, fold = RedisStreams(self.redis, SHARDS, name), ProfileFold(POLICY, Counted())
        return GuardedLoop(self.store, streams, lambda: fold, Counted(), keep, wait_ms=5)

    async def folded(self) -> None:
        worker = self.worker()
        await drained(worker)
        worker.stop()
        await worker.run()

    async def decide(self, who: str) -> str | None:
        asked = DecisionRequest(customer=who, channel="web", placements=(Placement(placement="hero"),))
        made = await self.decisioning.decide(asked, datetime.now(UTC))
        return made.treatments[0].code if made.treatments else None

    async def answer(self, code: str, outcome: str) -> None:
        await self.responding.respond(ResponseRequest(code=code, outcome=outcome), datetime.now(UTC))

    async def lived(self) -> None:
        """Some history of some people, all of it folded; and some of it that is not."""
        now = at_ms(datetime.now(UTC))
        for number in range(PEOPLE):
            who = f"customer:p{number}"
            await self.store.append(
                [
                    said(interaction("call_started", now - 3 * HOUR, subject=who, data={"age": 20 + number})),
                    said(purchase(float(number), now - 2 * HOUR, subject=who)),
                    said(interaction("page_view", now - number * 60_000, subject=who, data={"product": "p"})),
                ]
            )
        await self.folded()
        await Timers(self.store, lambda: frozenset(range(SHARDS)), Counted()).fire_due(now)
        for number in range(PEOPLE):
            code = await self.decide(f"p{number}")
            if code is not None and number % 2:
                await self.answer(code, "declined" if number % 3 else "accepted")
        bought_ms = at_ms(datetime.now(UTC))  # what they were offered, some of them
        await self.store.append(
            [said(purchase(0.0, bought_ms, subject=f"customer:p{number}")) for number in range(0, PEOPLE, 3)]
        )
        await self.folded()
        await self.decide("p1")
        code = await self.decide("p2")
        assert code is not None
        await self.answer(code, "declined")

    async def rebuild(self, swap: bool) -> Report:
        return await Rebuild(self.redis, self.store, POLICY, self.told.append).run(swap)

    async def state(self) -> dict[str, Any]:
        """All that follows from the log, without versions."""
        found: dict[str, Any] = {}
        client: Any = self.redis
        for key in sorted(await client.keys("{s*p:*")):
            found[key.decode()] = {n: v for n, v in (await client.hgetall(key)).items() if n != b"version"}
        for shard in range(SHARDS):
            found[f"{shard} timers"] = await client.zrange(keys.timers(shard), 0, -1, withscores=True)
            found[f"{shard} scorecard"] = dict(sorted((await client.hgetall(keys.scorecard(shard))).items()))
        return found

    def key(self, who: str) -> str:
        subject = f"customer:{who}"
        return keys.customer(self.store.shard(subject), subject)

    async def spoil(self) -> None:
        """By hand: a feature, a ledger, a customer that is gone, one that never was, timers, counts."""
        client: Any = self.redis
        profile = orjson.loads(await client.hget(self.key("p3"), "profile"))
        profile["features"][SPEND] = 999
        await client.hset(self.key("p3"), "profile", orjson.dumps(profile))
        await client.hset(self.key("p5"), "ledger", b'{"entries":[],"proposals":[]}')
        await client.delete(self.key("p7"))
        await client.hset(self.key("never-was"), mapping={"version": "3-a", "profile": '{"attributes":{"age":1}}'})
        for shard in range(SHARDS):
            (member, due), *_ = await client.zrange(keys.timers(shard), 0, -1, withscores=True)
            await client.zadd(keys.timers(shard), {member: due + HOUR, "customer:nobody|session:web": 10**15})
            await client.hset(keys.scorecard(shard), "2026-03-10|decisions", 77)
            await client.hincrby(keys.scorecard(shard), max(await client.hkeys(keys.scorecard(shard))), 5)


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    async with connected(redis_url, retries=0) as redis:
        yield World(redis, await CustomerStore.open(redis, SHARDS))


async def leftovers(world: World) -> list[Any]:
    client: Any = world.redis
    leases = [await client.hget(keys.guard(shard), "lease") for shard in range(SHARDS)]
    return [*await client.keys("*}r:*"), *await client.keys(LOCK), *(each for each in leases if each)]


async def test_what_was_folded_once_is_the_same_folded_again(world: World) -> None:
    await world.lived()
    assert any(name.endswith("|attributed") for name in await world.store.counts()), "goals are part of it"
    found = await world.rebuild(swap=False)
    assert found.samples == []
    assert found.same
    assert (found.customers, found.shards, found.policy) == (PEOPLE, SHARDS, POLICY.revision)
    assert await leftovers(world) == []


async def test_visits_of_several_identifiers_are_the_same_folded_again(world: World) -> None:
    """One in progress, with its timer, and one that was handed over and is summed up."""
    now, courier = at_ms(datetime.now(UTC)), Courier(world.store, lambda: frozenset(range(SHARDS)), Counted())
    views = [("visitor:v-1", 90), ("customer:p1", 89), ("visitor:v-1", 88), ("visitor:v-1", 5), ("customer:p1", 4)]
    for who, ago in views:
        links = ("visitor:v-1",) if ago == 89 else ()
        await world.store.append([said(interaction("page_view", now - ago * 60_000, subject=who, links=links))])
        await world.folded()
        while await courier.deliver():
            await world.folded()
    profile = (await world.store.read("customer:p1")).profile
    assert profile.visits["web"].parts.keys() == {"visitor:v-1", "customer:p1"}
    assert (await world.store.read("visitor:v-1")).profile.visits == {}
    found = await world.rebuild(swap=False)
    assert found.samples == []
    assert (found.same, found.timers) == (True, 0)


async def test_comparing_lists_what_differs_and_changes_nothing(world: World) -> None:
    await world.lived()
    await world.rebuild(swap=False)  # folds what was waiting
    await world.spoil()
    before = await world.state()
    found = await world.rebuild(swap=False)
    assert await world.state() == before
    assert (found.differing, found.timers, found.counts, found.mended) == (4, 2 * SHARDS, 2 * SHARDS, 0)
    listed = {each["what"]: each["field"] for each in found.samples}
    assert listed["customer:p3"] == "profile.features"
    assert listed["customer:p5"].startswith("ledger")
    assert {"customer:p7", "customer:never-was"} <= listed.keys()
    assert await leftovers(world) == []


async def test_what_differs_is_mended(world: World) -> None:
    await world.lived()
    await world.rebuild(swap=False)
    right = await world.state()
    await world.spoil()
    found = await world.rebuild(swap=True)
    assert found.mended == found.differing == 4
    assert await world.state() == right
    assert (await world.rebuild(swap=False)).same


async def test_what_the_log_has_not_confirmed_stays(world: World) -> None:
    """A reservation and an answer of which the record stands in the log, unread."""
    await world.lived()
    await world.rebuild(swap=False)
    code = await world.decide("p4")
    assert code is not None
    await world.spoil()
    client: Any = world.redis
    profile = orjson.loads(await client.hget(world.key("p4"), "profile"))
    await client.hset(world.key("p4"), "profile", orjson.dumps({**profile, "attributes": {"age": 7}}))
    await world.rebuild(swap=True)
    await world.answer(code, "accepted")
    await world.folded()
    (entry,) = [each for each in (await world.store.read("customer:p4")).ledger.entries if each.code == code]
    assert entry.positive
    assert (await world.store.read("customer:p4")).profile.attributes == {"age": 24}


async def before_mending(world: World, monkeypatch: Any, act: Callable[[], Awaitable[Any]]) -> Report:
    """A rebuild in which something happens once, between comparing a customer and mending."""
    mend, waiting = Mending._mend_once, True

    async def acting(mending: Mending, found: Any) -> list[str]:
        nonlocal waiting
        if waiting and "customer:p3" in found:
            waiting = False
            await act()
        try:
            return await mend(mending, found)
        except Lost:
            world.told.append("refused by the guard")
            raise

    monkeypatch.setattr(Mending, "_mend_once", acting)
    found = await world.rebuild(swap=True)
    assert not waiting
    return found


async def test_what_is_decided_between_comparing_and_mending_stays(world: World, monkeypatch: Any) -> None:
    await world.lived()
    await world.rebuild(swap=False)
    await world.spoil()
    codes: list[str | None] = []

    async def decide() -> None:
        codes.append(await world.decide("p3"))

    found = await before_mending(world, monkeypatch, decide)
    assert found.mended == 4
    ledger = (await world.store.read("customer:p3")).ledger
    assert codes[0] is not None
    assert codes[0] in [each.code for each in ledger.entries]
    assert (await world.rebuild(swap=False)).same


async def test_a_shard_that_is_taken_back_in_between_is_not_written(world: World, monkeypatch: Any) -> None:
    """The lease has run out and a worker folds one more event: what was compared is no longer true."""
    await world.lived()
    await world.rebuild(swap=False)
    await world.spoil()
    guard = keys.guard(world.store.shard("customer:p3"))

    async def take_back() -> None:
        await world.redis.hset(guard, "lease_until", 1)
        worker = world.worker("another")
        await worker.step()
        assert await world.redis.hget(guard, "lease") is None

    await before_mending(world, monkeypatch, take_back)
    assert "refused by the guard" in world.told
    assert (await world.rebuild(swap=False)).same


async def test_a_log_that_was_trimmed_is_refused(world: World) -> None:
    now = at_ms(datetime.now(UTC))
    worker = world.worker(keep=50)
    for start in range(0, 1_200, 200):
        await world.store.append(
            said(purchase(1.0, now - DAY, subject="customer:p1", id=str(start + n))) for n in range(200)
        )
        await drained(worker)
    with pytest.raises(StartError, match="not whole"):
        await world.rebuild(swap=True)
    assert await leftovers(world) == []


async def test_while_traffic_goes_on_nothing_is_lost_or_doubled(world: World) -> None:
    await world.lived()
    await world.rebuild(swap=False)
    await world.spoil()
    workers = [world.worker(name) for name in ("one", "two")]
    stop, sent = asyncio.Event(), 0
    codes: list[str] = []

    async def produce() -> None:
        nonlocal sent
        now = at_ms(datetime.now(UTC))
        while not stop.is_set():
            who = f"customer:p{sent % PEOPLE}"
            await world.store.append([said(purchase(1.0, now, subject=who, id=f"t-{sent}"))])
            sent += 1
            await asyncio.sleep(0.002)

    async def decide() -> None:
        while not stop.is_set():
            code = await world.decide(f"p{random.randrange(PEOPLE)}")
            if code:
                codes.append(code)
                await world.answer(code, "accepted")
            await asyncio.sleep(0.003)

    running = [asyncio.create_task(each.run()) for each in workers]
    traffic = [asyncio.create_task(produce()), asyncio.create_task(decide())]
    found = await world.rebuild(swap=True)
    assert found.mended >= 4
    stop.set()
    await asyncio.gather(*traffic)
    for each in workers:
        each.stop()
    await asyncio.gather(*running)
    await world.folded()
    spent = {n: (await world.store.read(f"customer:p{n}")).profile.features[SPEND] for n in range(PEOPLE)}
    assert spent == {n: n + len(range(n, sent, PEOPLE)) for n in range(PEOPLE)}
    answered = [
        entry.code
        for n in range(PEOPLE)
        for entry in (await world.store.read(f"customer:p{n}")).ledger.entries
        if entry.positive
    ]
    assert set(codes) <= set(answered)
    assert len(answered) == len(set(answered))
    assert (await world.rebuild(swap=False)).samples == []


@pytest.mark.parametrize("seed", [secrets.randbelow(10**6) for _ in range(12)])
async def test_dying_anywhere_damages_nothing(world: World, seed: int, monkeypatch: Any) -> None:
    await world.lived()
    await world.rebuild(swap=False)
    right = await world.state()
    await world.spoil()
    spoilt = await world.state()
    step, done, run = random.Random(seed).randrange(120), 0, Batch.run

    async def dying(batch: Batch) -> list[Any]:
        nonlocal done
        done += 1
        if done > step:
            raise StoreUnavailable("the process is gone")
        return await run(batch)

    with monkeypatch.context() as death:
        death.setattr(Batch, "run", dying)
        with suppress(StoreUnavailable, StartError):
            await world.rebuild(swap=True)
    now = await world.state()
    for name, value in now.items():
        if "}p:" in name:
            assert value in (right.get(name), spoilt.get(name)), f"seed {seed}, step {step}"
    client: Any = world.redis
    await client.delete(LOCK)  # it runs out after fifteen seconds, and the lease after ten
    for shard in range(SHARDS):
        await client.hset(keys.guard(shard), "lease_until", 1)
    await world.store.append([said(purchase(1.0, subject="customer:p1", id="afterwards"))])
    await world.folded()
    await world.rebuild(swap=True)
    assert await leftovers(world) == []
    assert (await world.store.read("customer:p1")).profile.features[SPEND] == 2
    after = await world.state()
    others = [name for name in {**right, **after} if "}p:" in name and not name.endswith(":p1")]
    assert {name: after.get(name) for name in others} == {name: right.get(name) for name in others}


async def test_who_is_erased_meanwhile_stays_erased(world: World, monkeypatch: Any) -> None:
    """The erasure is folded and cleaned after the second namespace has read of the customer's life."""
    await world.lived()
    await world.rebuild(swap=False)
    finishing = Erasures(world.store, world.registry, lambda: frozenset(range(SHARDS)), Counted())
    follow, erased = SecondSpace.follow, False

    async def follow_and_erase(second: SecondSpace, until: int | None = None) -> None:
        nonlocal erased
        await follow(second, until)
        if second._shard == world.store.shard("customer:p3") and not erased:
            erased = True
            await Erasing(world.store, world.registry, wait_s=0).erase("customer:p3", datetime.now(UTC))
            await world.folded()
            await finishing.finish_waiting()

    monkeypatch.setattr(SecondSpace, "follow", follow_and_erase)
    found = await world.rebuild(swap=True)
    assert erased
    assert any("again" in each for each in world.told)
    assert await world.redis.exists(world.key("p3")) == 0
    assert found.differing == 0
    assert (found.counts, found.counts_kept > 0) == (0, True)


async def test_a_shard_that_is_leased_waits_for_the_lease_to_end(world: World) -> None:
    worker = world.worker()
    await worker.step()
    guard = keys.guard(0)
    batch = world.store.scripts.batch()
    batch.call("takeover", [guard], ["nonce", "off:out:0", "somebody", 300])
    await batch.run()
    await worker.check_guards()
    await worker.step()
    assert worker.owned == {1}
    give_up = asyncio.get_running_loop().time() + 10
    while worker.owned != {0, 1}:
        assert asyncio.get_running_loop().time() < give_up
        await worker.step()
    assert await world.redis.hget(guard, "lease") is None


async def test_only_one_rebuild_runs(world: World) -> None:
    await world.lived()
    results = await asyncio.gather(*(world.rebuild(swap=False) for _ in range(3)), return_exceptions=True)
    assert [type(each).__name__ for each in results].count("Report") == 1
    assert all("another rebuild" in str(each) for each in results if isinstance(each, StartError))


async def test_what_a_request_has_linked_ahead_of_the_log_stays(world: World) -> None:
    """It is no difference, and is kept when the customer is mended."""
    await world.lived()
    await world.folded()
    asked = DecisionRequest(customer="p3", visitor="v-1", channel="web", placements=(Placement(placement="hero"),))
    hold, client = Hold.take, cast("Any", world.redis)
    before: dict[bytes, bytes] = {}

    async def take(self: Hold) -> None:
        await hold(self)
        await world.decisioning.decide(asked, datetime.now(UTC))
        before.update(await client.hgetall(world.key("p3")))

    profile = orjson.loads(await client.hget(world.key("p3"), "profile"))
    profile["features"][SPEND] = 999
    await client.hset(world.key("p3"), "profile", orjson.dumps(profile))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hold, "take", take)
        found = await world.rebuild(swap=True)
    assert [each["field"] for each in found.samples] == ["profile.features"]
    assert before[b"linking"] == await client.hget(world.key("p3"), "linking")
    assert (await world.store.read("visitor:v-1")).owner == "customer:p3"
