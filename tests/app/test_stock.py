"""Inventory and budget over all customers, as API and worker see them: never exceeded, and all of it given out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from app.decisioning import Decisioning
from app.metrics import Metrics
from app.responding import Responding
from app.stock import Standing, shown_lines, standing
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from consumers.stock_keeping import StockKeeping
from profiles import keys
from profiles.connection import connected
from profiles.store import CustomerStore, Record
from rules.arbitration import NothingLearned
from rules.replay import differences, replayed
from schemas.decision import DecisionRecord, DecisionRequest
from schemas.response import ResponseRequest
from tests.builders import CATALOGUE, live

EVERYBODY = [{"id": "spring", "programs": [{"id": "gifts", "cells": [{"id": "all", "share": 100, "offers": ["mug"]}]}]}]
SHARDS = 8
AT_ONCE = 100
NONE_LEFT = ["inventory"]


def policy(inventory: Any = None, budget: Any = None, **sections: Any) -> LivePolicy:
    offer = {**CATALOGUE["offers"][0], "cost": 2, **({} if inventory is None else {"inventory": inventory})}
    campaign = {**EVERYBODY[0], **({} if budget is None else {"budget": budget})}
    return live(offers=[offer], campaigns=[campaign], **sections)


@dataclass
class Service:
    """API, worker and keeper of one process."""

    redis: Redis
    store: CustomerStore
    policy: LivePolicy
    policies: SimpleNamespace = field(default_factory=SimpleNamespace)

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.policies.current = self.policy
        self.decisioning = Decisioning(self.store, self.policies, NothingLearned(), self.metrics, 86_400_000)
        self.responding = Responding(self.store, self.policies, self.metrics)
        streams = RedisStreams(self.redis, self.store.shards, "one")
        self.worker = GuardedLoop(
            self.store, streams, lambda: ProfileFold(self.policies.current, self.metrics), self.metrics, 100, wait_ms=20
        )
        everything = frozenset(range(self.store.shards))
        self.keeper = StockKeeping(self.store, self.policies, lambda: everything, self.metrics)

    def publish(self, changed: LivePolicy) -> None:
        self.policies.current = changed

    async def ask(self, customer: str = "ada", **more: Any) -> DecisionRecord:
        asked = {"customer": customer, "channel": "web", "placements": [{"placement": "hero"}], **more}
        return await self.decisioning.decide(DecisionRequest.model_validate(asked), datetime.now(UTC))

    async def got(self, customer: str = "ada") -> str:
        """The code of what is offered."""
        (made,) = (await self.ask(customer)).treatments
        return made.code

    async def refused(self, customer: str = "ada") -> list[str]:
        return [each.reason for each in (await self.ask(customer)).left_out]

    async def respond(self, code: str, outcome: str) -> None:
        await self.responding.respond(ResponseRequest(code=code, outcome=outcome), datetime.now(UTC))

    async def ask_all(self, customers: Iterable[str]) -> list[DecisionRecord]:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(customer: str) -> DecisionRecord:
            async with room:
                return await self.ask(customer)

        return await asyncio.gather(*(one(each) for each in customers))

    async def fold(self) -> None:
        before = None
        while before != (before := dict(self.worker.positions)):
            await self.worker.step()

    async def standing(self) -> Standing:
        shelf = self.policies.current.shelf
        assert shelf is not None
        (found,) = await standing(self.store, shelf)
        return found

    async def let_holds_end(self) -> None:
        """As if their time had come."""
        for shard in range(self.store.shards):
            for member in await self.redis.zrange(keys.held(shard), 0, -1):
                assert isinstance(member, bytes)
                await self.redis.zadd(keys.held(shard), {member.decode(): 1})


@pytest.fixture
async def redis(any_redis_url: str) -> AsyncIterator[Redis]:
    async with connected(any_redis_url) as client:
        yield client


async def service(redis: Redis, of: LivePolicy) -> Service:
    return Service(redis, await CustomerStore.open(redis, SHARDS), of)


def figures(found: Standing) -> tuple[int, int, int, int]:
    return found.total, found.held, found.used, found.left


async def test_a_hundred_are_given_to_fifty_customers_and_no_more(redis: Redis) -> None:
    there = await service(redis, policy({"units": 100, "hold": "1d"}))
    answers = await there.ask_all(f"c{number % 50}" for number in range(5_000))
    assert sum(len(each.treatments) for each in answers) == 100
    assert Counter(each.reason for answer in answers for each in answer.left_out) == {"inventory": 4_900}
    assert figures(await there.standing()) == (100, 100, 0, 0)
    assert all(not differences(each, replayed(each, there.policy.ruleset, NothingLearned())) for each in answers)
    await asyncio.gather(*(there.respond(each.treatments[0].code, "accepted") for each in answers if each.treatments))
    await there.fold()
    assert figures(await there.standing()) == (100, 0, 100, 0)


async def test_a_budget_is_spent_to_the_last_offer(redis: Redis) -> None:
    there = await service(redis, policy(budget={"amount": 101, "hold": "1d"}))
    answers = await there.ask_all(f"c{number}" for number in range(300))
    assert sum(len(each.treatments) for each in answers) == 50
    assert Counter(each.reason for answer in answers for each in answer.left_out) == {"budget": 250}
    assert figures(await there.standing()) == (101_000_000, 100_000_000, 0, 1_000_000)


async def test_an_answer_with_many_slots_gets_what_there_is_for_all_of_them(redis: Redis) -> None:
    """The shard draws a sixteenth of what the pool has, or what the answer needs."""
    names = [f"o{number}" for number in range(8)]
    offers = [
        {
            "id": name,
            "name": name,
            "always": True,
            "value": 100 - number,
            "cost": 80 - 10 * number,
            "treatments": [{"id": f"{name}-t", "channel": "web", "placement": "hero", "content": {"t": "x"}}],
        }
        for number, name in enumerate(names)
    ]
    cells = [{"id": "all", "share": 100, "offers": names}]
    spring = {"id": "spring", "budget": 1_000, "programs": [{"id": "gifts", "cells": cells}]}
    there = await service(redis, live(offers=offers, campaigns=[spring]))
    made = await there.ask("ada", placements=[{"placement": "hero", "count": 8}])
    assert [each.offer for each in made.treatments] == names, made.left_out
    assert not differences(made, replayed(made, there.policy.ruleset, NothingLearned()))
    made = await there.ask("bob", placements=[{"placement": "hero", "count": 2}])
    assert [each.offer for each in made.treatments] == names[:2]
    assert figures(await there.standing())[:2] == (1_000_000_000, 510_000_000)


@pytest.mark.parametrize("at_most", [1, 7])
async def test_five_hundred_at_once_for_one_customer(redis: Redis, at_most: int) -> None:
    caps = {"caps": [{"id": "few", "per": "customer", "at_most": at_most, "within": "7d", "counting": "decided"}]}
    there = await service(redis, policy({"units": 1_000, "hold": "1d"}, contact_policy=caps))
    answers = await there.ask_all(["ada"] * 500)
    assert sum(len(each.treatments) for each in answers) == at_most
    assert figures(await there.standing()) == (1_000, at_most, 0, 1_000 - at_most)


async def test_the_last_one_is_found_wherever_it_lies(redis: Redis) -> None:
    there = await service(redis, policy({"units": 1, "hold": "1d", "confirm": "accepted"}))
    code = await there.got("ada")
    await there.respond(code, "declined")
    others = [f"c{number}" for number in range(40) if there.store.shard(f"customer:c{number}") != 3]
    got = [each for each in others[:20] if not await there.refused(each)]
    assert got == others[:1], "what ada's shard has back goes to whoever asks next, and to nobody else"


async def test_what_is_confirmed_is_used_once_whoever_hears_it_first(redis: Redis) -> None:
    there = await service(redis, policy({"units": 3, "hold": "1d"}))
    codes = [await there.got(name) for name in ("ada", "bob", "eve")]
    await there.respond(codes[0], "presented")
    assert figures(await there.standing()) == (3, 2, 1, 0)
    await there.fold()
    await there.respond(codes[0], "accepted")
    await there.respond(codes[0], "presented")
    await there.fold()
    assert figures(await there.standing()) == (3, 2, 1, 0)


async def test_a_decline_frees_what_it_had_not_used(redis: Redis) -> None:
    there = await service(redis, policy({"units": 1, "hold": "1d", "confirm": "accepted"}))
    code = await there.got()
    await there.respond(code, "presented")
    assert await there.refused("bob") == NONE_LEFT
    await there.respond(code, "declined")
    await asyncio.sleep(0.3)  # so long nobody looks again for what was gone
    second = await there.got("bob")
    await there.fold()
    assert figures(await there.standing()) == (1, 1, 0, 0)
    await there.respond(second, "accepted")
    assert figures(await there.standing()) == (1, 0, 1, 0)


async def test_what_is_held_too_long_is_free_and_a_late_yes_takes_it_again(redis: Redis) -> None:
    there = await service(redis, policy({"units": 2, "hold": "1d"}))
    late = await there.got("ada")
    await there.let_holds_end()
    await there.keeper.look()
    assert figures(await there.standing()) == (2, 0, 0, 2)
    await there.respond(late, "accepted")
    await there.fold()
    await there.keeper.look()
    assert figures(await there.standing()) == (2, 0, 1, 1)
    assert await there.got("bob")
    assert await there.refused("eve") == NONE_LEFT


async def test_a_yes_that_comes_after_all_was_given_to_others_is_told(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    there = await service(redis, policy({"units": 1, "hold": "1d"}))
    late = await there.got("ada")
    await there.let_holds_end()
    await there.respond(await there.got("bob"), "accepted")
    await there.respond(late, "accepted")
    await there.fold()
    await there.keeper.look()
    found = await there.standing()
    assert (found.used, found.left, found.oversold) == (2, 0, 1)
    assert [each.message for each in caplog.records].count("used beyond what there was") == 1
    assert b'opportune_stock_owed{supply="offer:mug"} 1.0' in there.metrics.page()
    assert shown_lines([found])[-1] == "offer:mug is oversold by 1"
    there.publish(policy({"units": 3, "hold": "1d"}))
    await there.keeper.look()
    assert (await there.standing()).oversold == 0
    await asyncio.sleep(0.3)
    assert len((await there.ask("eve")).treatments) == 1
    assert await there.refused("joe") == NONE_LEFT


async def test_an_answer_that_only_the_worker_sees_counts_once(redis: Redis) -> None:
    """As those do that come from Kafka: late, twice, and out of order."""
    there = await service(redis, policy({"units": 5, "hold": "1d"}))
    code = await there.got()
    before = await redis.hgetall(keys.customer(there.store.shard("customer:ada"), "customer:ada"))
    await there.respond(code, "accepted")
    await there.respond(code, "presented")
    # the API never was there: ledger and stock are as they were, and the log has both
    shard = there.store.shard("customer:ada")
    await redis.hset(keys.customer(shard, "customer:ada"), mapping=before)  # type: ignore[arg-type]
    await redis.hset(keys.stock(shard), mapping={"offer:mug|held": 1, "offer:mug|used": 0})
    await redis.zadd(keys.held(shard), {f"{code}|offer:mug|1": 9_999_999_999_999})
    await there.fold()
    assert figures(await there.standing()) == (5, 0, 1, 4)
    ledger = (await there.store.read("customer:ada")).ledger
    assert list(ledger.entries[0].used) == ["offer:mug"]


@pytest.mark.parametrize("confirm", ["presented", "accepted"])
async def test_a_revision_with_less_gives_out_no_more_than_that(redis: Redis, confirm: str) -> None:
    there = await service(redis, policy({"units": 100, "hold": "1d", "confirm": confirm}))
    used = [(await there.ask(f"u{number}")).treatments[0].code for number in range(20)]
    await asyncio.gather(*(there.respond(each, "accepted") for each in used))
    held = [await there.got(f"h{number}") for number in range(20)]
    there.publish(policy({"units": 30, "hold": "1d", "confirm": confirm}))
    assert await there.refused("eve") == NONE_LEFT
    assert figures(await there.standing()) == (30, 20, 20, 0)
    for code in held[:15]:  # five too many are held: these free themselves first
        await there.respond(code, "declined" if confirm == "accepted" else "presented")
    await asyncio.sleep(0.3)
    answers = await there.ask_all(f"n{number}" for number in range(50))
    more = sum(len(each.treatments) for each in answers)
    found = await there.standing()
    assert more == (5 if confirm == "accepted" else 0)
    assert (found.held + found.used, found.left) == (30 if confirm == "accepted" else 40, 0)
    there.publish(policy({"units": 50, "hold": "1d", "confirm": confirm}))
    await asyncio.sleep(0.3)
    await there.ask_all(f"m{number}" for number in range(100))
    found = await there.standing()
    assert (found.held + found.used, found.left) == (50, 0)


async def test_messages_of_rules_take_of_it_too(redis: Redis) -> None:
    said = {"rules": [{"id": "welcome", "when": "purchase", "act": [{"message": "web", "placement": "hero"}]}]}
    there = await service(redis, policy({"units": 7, "hold": "1d"}, **said))
    for number in range(30):
        body = {
            "specversion": "1.0", "id": f"e{number}", "source": "t", "type": "purchase", "subject": f"c{number}",
            "channel": "web", "data": {"amount": 1.0},
        }  # fmt: skip
        await _say(there, f"customer:c{number}", body)
    await there.fold()
    actions = [await redis.xlen(keys.actions(shard)) for shard in range(SHARDS)]
    assert sum(actions) == 7
    assert figures(await there.standing()) == (7, 7, 0, 0)


async def _say(there: Service, subject: str, body: dict[str, Any]) -> None:
    await there.store.append([Record("interactions", str(body["id"]), subject, orjson.dumps(body))])


async def test_a_policy_without_any_of_it_reads_nothing(redis: Redis) -> None:
    there = await service(redis, policy())
    assert there.policy.shelf is None
    record = await there.ask()
    assert record.stock is None
    assert record.takes is None
    assert not await redis.keys("*stock*")
