"""The guarded loop on a real Redis: what is folded once, whoever crashes, repeats or believes to be the owner."""

import asyncio
import base64
import secrets
import time
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from consumers.loop import GuardedLoop
from consumers.timers import Timers
from profiles import keys
from profiles.customer import Customer
from profiles.errors import OutOfRoom
from profiles.log_stream import OUTBOX
from profiles.store import Commit, Committed, CustomerStore, Record
from schemas.interaction import Interaction, to_cloud_event
from schemas.ledger import Ledger
from tests.builders import HOUR, MINUTE, NOON_MS, definition, entry, interaction, live, purchase
from tests.consumers.conftest import SHARDS, Counted, MakeWorker

ALICE = "customer:alice"
SPEND = definition().features["spend"].key
UNHEARD_OF = {"code": "X", "decision": "d", "outcome": "seen", "outcomes": {"seen": "impression"}, "at_ms": 1}


def said(event: Interaction) -> Record:
    return Record("interactions", event.identity, event.subject, orjson.dumps(to_cloud_event(event)))


async def spend(store: CustomerStore, subject: str = ALICE) -> float:
    return float((await store.read(subject)).profile.features.get(SPEND, 0))


async def test_interactions_become_profiles_and_counts(store: CustomerStore, worker: MakeWorker) -> None:
    people = [f"customer:{n}" for n in range(20)]
    await store.append(said(purchase(10, subject=each, id=str(n))) for each in people for n in range(3))
    await drained(worker())
    for each in people:
        assert await spend(store, each) == 30
    assert (await store.counts())["2026-03-10|interactions|purchase|web"] == 60


async def drained(loop: GuardedLoop) -> None:
    """Steps until nothing is left to read."""
    before = None
    while before != (before := dict(loop.positions)):
        await loop.step()


async def test_what_a_client_sends_twice_counts_once(store: CustomerStore, worker: MakeWorker) -> None:
    event = purchase(10, id="p-1")
    await store.append([said(event), said(event)])
    await drained(worker())
    await store.append([said(event)])
    await drained(worker("two"))
    assert await spend(store) == 10
    assert (await store.counts())["2026-03-10|interactions|purchase|web"] == 1


async def test_a_crash_between_apply_and_end_is_replayed_without_effect(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    await store.append([said(purchase(10))])
    first = worker("one")
    await drained(first)
    shard = store.shard(ALICE)
    await redis.hset(keys.guard(shard), OUTBOX.position, "0")  # as if END had never been reached
    await drained(worker("two"))
    assert await spend(store) == 10
    assert (await store.counts())["2026-03-10|interactions|purchase|web"] == 1


async def test_a_worker_that_lost_its_shard_is_fenced(store: CustomerStore, worker: MakeWorker) -> None:
    zombie, owner = worker("one"), worker("one")
    await drained(zombie)
    await drained(owner)
    await store.append([said(purchase(10))])
    await asyncio.gather(drained(zombie), drained(owner))
    await drained(owner)
    assert await spend(store) == 10


async def test_many_owners_at_once_fold_everything_once(
    store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    people = [f"customer:{n}" for n in range(10)]
    loops = [worker("one") for _ in range(3)]
    for round_ in range(5):
        await store.append(said(purchase(1, subject=each, id=f"{round_}-{each}")) for each in people)
        await asyncio.gather(*(loop.step() for loop in loops))
    await drained(worker("last"))
    assert [await spend(store, each) for each in people] == [5.0] * 10
    assert meter.counts["worker_fences"] > 0


async def test_a_conflict_with_the_api_is_folded_again(store: CustomerStore, worker: MakeWorker) -> None:
    loop = worker()
    await store.append([said(purchase(1, id=str(n))) for n in range(50)])

    async def decide_meanwhile() -> None:
        done = 0
        while done < 30:
            customer = await store.read(ALICE)
            ledger = Ledger((*customer.ledger.entries, entry(code=f"code-{done}")))
            done += await store.commit(Commit(ALICE, customer.version, ledger=ledger)) is Committed.OK

    await asyncio.gather(decide_meanwhile(), drained(loop))
    await drained(loop)
    customer = await store.read(ALICE)
    assert customer.profile.features[SPEND] == 50
    assert len(customer.ledger.entries) == 30


async def test_a_position_that_was_rolled_back_is_noticed_without_traffic(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    loop = worker()
    await store.append([said(purchase(10))])
    await drained(loop)
    await redis.hset(keys.guard(store.shard(ALICE)), "nonce", "rolled-back")
    await loop.check_guards()
    assert meter.counts["worker_fences"] == 1
    await drained(loop)
    assert await spend(store) == 10


async def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    poison = [
        Record("interactions", "broken", ALICE, b"{not json"),
        said(interaction("unheard_of", id="unheard_of")),
        said(interaction("purchase", id="no-amount")),
        Record("responses", "r", ALICE, orjson.dumps(UNHEARD_OF)),
    ]
    await store.append([poison[0], said(purchase(10)), *poison[1:], said(purchase(5))])
    await drained(worker())
    assert await spend(store) == 15
    letters: Any = await redis.xrange(keys.dead_letters(store.shard(ALICE)))
    bodies = [orjson.loads(fields[b"body"]) for _, fields in letters]
    assert [each["reason"] for each in bodies] == ["undecodable", "ill_typed", "ill_typed", "unknown_code"]
    assert base64.b64decode(bodies[0]["original"]) == b"{not json"


async def test_a_redis_that_is_full_is_folded_empty(store: CustomerStore, redis: Redis, worker: MakeWorker) -> None:
    """Nobody may append any more, and what waits must not wait for room."""
    await store.append(said(interaction(id=f"e-{n}", subject=f"customer:c{n % 50}")) for n in range(3_000))
    await redis.config_set("maxmemory", "100kb")
    try:
        with pytest.raises(OutOfRoom):
            await store.append([said(interaction(id="one-more"))])
        await drained(worker(keep=0))
        assert sum([await redis.xlen(keys.outbox(shard)) for shard in range(SHARDS)]) < 1_000
    finally:
        await redis.config_set("maxmemory", "0")
    counts = await store.counts()
    assert sum(amount for name, amount in counts.items() if "|interactions|" in name) == 3_000


async def test_consumed_records_are_trimmed_and_waiting_ones_are_not(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    for start in range(0, 600, 200):
        await store.append(said(purchase(1, id=str(start + n))) for n in range(200))
        await drained(worker(keep=100))
    length = await redis.xlen(keys.outbox(store.shard(ALICE)))
    assert 100 <= length <= 400  # Redis trims whole nodes of the stream
    assert await spend(store) == 600


async def test_a_rule_leaves_its_proposal_in_the_ledger(store: CustomerStore, worker: MakeWorker) -> None:
    rules = [{"id": "thanks", "when": "purchase", "if": "event.amount > 5.0", "propose": "mug", "for": "1d"}]
    await store.append([said(purchase(10))])
    await drained(worker(policy=live(rules=rules)))
    (proposal,) = (await store.read(ALICE)).ledger.proposals
    assert (proposal.rule, proposal.offers, proposal.until_ms) == ("thanks", ("mug",), NOON_MS + 24 * HOUR)


async def test_a_session_ends_by_its_timer_once(store: CustomerStore, worker: MakeWorker, meter: Counted) -> None:
    loop = worker()
    await store.append([said(interaction(at_ms=NOON_MS)), said(interaction(at_ms=NOON_MS + 10 * MINUTE))])
    await drained(loop)
    timers = [Timers(store, lambda: frozenset(range(4)), meter) for _ in range(2)]
    assert await timers[0].fire_due(NOON_MS + 39 * MINUTE) == 0
    fired = await asyncio.gather(*(each.fire_due(NOON_MS + 40 * MINUTE) for each in timers))
    assert sorted(fired) == [0, 1]
    await drained(loop)
    assert (await store.read(ALICE)).profile.sessions["web"].ended == NOON_MS + 40 * MINUTE


async def test_workers_share_the_shards_and_one_that_leaves_gives_them_back(
    worker: MakeWorker, store: CustomerStore
) -> None:
    one, two = worker("one"), worker("two")
    await one.step()
    assert one.owned == frozenset(range(4))
    await two.step()
    assert two.owned < frozenset(range(4))
    one.stop()
    await one.run()
    await store.append([said(purchase(10))])
    three = worker("three")
    two.stop()
    await two.run()
    await drained(three)
    assert await spend(store) == 10


@pytest.mark.parametrize("seed", [secrets.randbelow(10**6)])
async def test_concurrent_commits_lose_nothing(store: CustomerStore, seed: int) -> None:
    """Fifty writers of one customer: every commit that says OK is in the ledger."""

    async def add(number: int) -> None:
        while True:
            customer: Customer = await store.read(ALICE)
            ledger = Ledger((*customer.ledger.entries, entry(code=f"{seed}-{number}")))
            if await store.commit(Commit(ALICE, customer.version, ledger=ledger)) is Committed.OK:
                return

    await asyncio.gather(*(add(number) for number in range(50)))
    customer = await store.read(ALICE)
    assert customer.version.startswith("50-")
    assert len({each.code for each in customer.ledger.entries}) == 50


async def test_an_interaction_from_the_future_is_taken_as_of_its_arrival(
    store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    tomorrow = int(time.time() * 1000) + 24 * HOUR
    await store.append([said(purchase(10, tomorrow))])
    await drained(worker())
    profile = (await store.read(ALICE)).profile
    assert profile.last is not None
    assert profile.last <= time.time() * 1000
    assert meter.counts["worker_future_events"] == 1


async def test_a_rule_may_look_at_what_was_before_its_event(store: CustomerStore, worker: MakeWorker) -> None:
    policy = live(
        features={"earlier": {"count": "purchase", "including_current": False}},
        rules=[{"id": "first", "when": "purchase", "if": "customer.earlier == 0", "propose": "mug", "for": "2h"}],
    )
    await store.append([said(purchase(10))])
    await drained(worker(policy=policy))
    assert [each.rule for each in (await store.read(ALICE)).ledger.proposals] == ["first"]
    await store.append([said(purchase(10, NOON_MS + HOUR))])
    await drained(worker(policy=policy))
    (proposal,) = (await store.read(ALICE)).ledger.proposals
    assert proposal.until_ms == NOON_MS + 2 * HOUR, "the second purchase did not fire it"
