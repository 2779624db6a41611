"""Identity on a real Redis: who belongs to whom, in any order of arrival, over shards, exactly once, and undone."""

import random
import secrets
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from consumers.courier import Courier
from consumers.loop import GuardedLoop
from consumers.timers import Timers
from profiles import keys
from profiles.facts import read_feature
from profiles.fold import fold
from profiles.joining import joined
from profiles.people import People, Person
from profiles.profile import Profile
from profiles.store import IDENTITIES, CustomerStore, Record
from schemas.identity import Judged
from schemas.interaction import Interaction
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, SHOP, interaction, live, purchase
from tests.consumers.conftest import Counted, MakeWorker
from tests.consumers.test_loop import said

ALICE, BOB, PHONE, V1, V2 = "customer:alice", "customer:bob", "phone:p-1", "visitor:v-1", "visitor:v-2"
POLICY = live(
    identifiers={"phone": {}, "email": {}},
    rules=[
        {"id": "big", "when": "purchase", "if": "customer.spend > 25.0", "propose": "mug", "for": "1d"},
        {
            "id": "rescue",
            "when": {"after": "call_started", "absent": "purchase", "within": "20m"},
            "act": [{"call_list": "lost"}],
        },
    ],
)


@pytest.fixture
def loop(worker: MakeWorker) -> GuardedLoop:
    return worker(policy=POLICY)


@pytest.fixture
def courier(store: CustomerStore, loop: GuardedLoop, meter: Counted) -> Courier:
    return Courier(store, lambda: loop.owned, meter)


async def settled(loop: GuardedLoop, courier: Courier) -> None:
    """Until nothing is left to fold and nothing to deliver."""
    before = None
    while before != (before := dict(loop.positions)) or await courier.deliver():
        await loop.step()


async def person(store: CustomerStore, *identifiers: str) -> Person:
    return await People(store).read(identifiers, POLICY.definition)


async def spend(store: CustomerStore, *identifiers: str) -> float:
    states = (await person(store, *identifiers)).profile(POLICY.definition).features
    return float(read_feature(POLICY.definition.features["spend"], states, NOON_MS + DAY))


def login(customer: str, *others: str, at_ms: int = NOON_MS) -> Interaction:
    return interaction("page_view", at_ms, subject=customer, links=others, id=f"{customer}>{others}@{at_ms}")


def undone(identifier: str, owner: str, at_ms: int, wrong: bool = True) -> Record:
    body = Judged(claimant=owner, at_ms=at_ms, wrong=wrong)
    return Record(IDENTITIES, f"judged-{at_ms}", identifier, orjson.dumps(body.model_dump()))


async def test_a_visitor_becomes_known_and_keeps_the_history(
    store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    assert store.shard(V1) != store.shard(ALICE)
    await store.append([said(purchase(10, subject=V1)), said(purchase(5, subject=ALICE))])
    await settled(loop, courier)
    assert (await spend(store, V1), await spend(store, ALICE)) == (10, 5)
    await store.append([said(login(ALICE, V1))])
    await settled(loop, courier)
    assert (await person(store, V1)).subject == ALICE
    assert await spend(store, V1) == await spend(store, ALICE) == 15
    await store.append([said(purchase(1, subject=V1, id="later"))])
    await settled(loop, courier)
    assert await spend(store, ALICE) == 16
    customer = await store.read(ALICE)
    assert joined([customer.profile, *(p.profile for p in customer.identity.others().values())], POLICY.definition) == (
        await person(store, ALICE)
    ).profile(POLICY.definition)


async def test_a_request_that_names_both_sees_both_before_anything_is_folded(store: CustomerStore) -> None:
    assert (await person(store, ALICE, V1)).others.keys() == {V1}


async def test_rules_judge_what_a_visitor_does_by_all_that_is_known(
    store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    await store.append([said(purchase(20, subject=ALICE)), said(login(ALICE, V1))])
    await settled(loop, courier)
    await store.append([said(purchase(10, subject=V1))])
    await settled(loop, courier)
    assert [each.rule for each in (await store.read(ALICE)).ledger.proposals] == ["big"]
    assert not (await store.read(V1)).ledger.proposals
    assert (await store.counts())["2026-03-10|interactions|purchase|web"] == 2


@pytest.mark.parametrize(("bought", "rescued"), [(None, [ALICE]), (ALICE, []), (V1, [])])
async def test_what_was_awaited_of_a_visitor_is_awaited_of_the_customer(
    redis: Redis,
    store: CustomerStore,
    loop: GuardedLoop,
    courier: Courier,
    meter: Counted,
    bought: str | None,
    rescued: list[str],
) -> None:
    """Set before the two were known to be one, judged afterwards on what both have done."""
    timers = Timers(store, lambda: loop.owned, meter)
    await store.append([said(interaction("call_started", subject=V1))])
    await settled(loop, courier)
    await store.append([said(login(ALICE, V1, at_ms=NOON_MS + MINUTE))])
    await settled(loop, courier)
    if bought is not None:
        await store.append([said(purchase(1, NOON_MS + 2 * MINUTE, subject=bought))])
        await settled(loop, courier)
    await timers.fire_due(NOON_MS + HOUR)
    await settled(loop, courier)
    found: list[str] = []
    for shard in range(4):
        taken: Any = await redis.xrange(keys.actions(shard))
        found += [fields[b"subject"].decode() for _, fields in taken]
    assert found == rescued


async def test_large_events_are_passed_on_in_records_that_the_log_can_take(
    store: CustomerStore, redis: Redis, worker: MakeWorker, meter: Counted
) -> None:
    """Seven of 400 kB that are folded in one batch."""
    uploads = {"upload": {"channel": "web", "fields": {"items": "list<string>"}}}
    rules = [{"id": "u", "when": "upload", "act": [{"call_list": "uploads"}]}]
    loop = worker(policy=live(interactions={**SHOP["interactions"], **uploads}, rules=rules))
    courier = Courier(store, lambda: loop.owned, meter)
    await store.append([said(login(ALICE, V1))])
    await settled(loop, courier)

    data = {"items": ["x" * 4_000] * 100}
    await store.append(said(interaction("upload", NOON_MS + n, id=f"u-{n}", subject=V1, data=data)) for n in range(7))
    await settled(loop, courier)
    entries: Any = await redis.xrange(keys.outbox(store.shard(ALICE)))
    sizes = [len(fields[b"body"]) for _, fields in entries if fields[b"topic"] == b"identities"]
    assert sum(sizes) > 7 * 400_000
    assert max(sizes) < 2_000_000
    actions: Any = await redis.xrange(keys.actions(store.shard(ALICE)))
    taken = [orjson.loads(fields[b"body"])["event"]["id"] for _, fields in actions]
    assert taken == [f"u-{n}" for n in range(7)]


async def test_two_customers_who_share_a_cookie_stay_two(
    store: CustomerStore, loop: GuardedLoop, courier: Courier, meter: Counted
) -> None:
    events = [purchase(10, subject=V1), login(BOB, V1, at_ms=NOON_MS + HOUR), login(ALICE, V1, at_ms=NOON_MS)]
    await store.append(map(said, events))
    await settled(loop, courier)
    assert (await person(store, V1)).subject == ALICE, "the earlier one, though it came later"
    assert (await spend(store, ALICE), await spend(store, BOB)) == (10, 0)
    assert meter.counts["identity_conflicts"] >= 1


async def test_a_chain_of_identifiers_ends_at_the_customer(
    store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    await store.append([said(purchase(1, subject=V1)), said(purchase(2, subject=PHONE)), said(login(PHONE, V1))])
    await settled(loop, courier)
    assert await spend(store, V1) == 3
    await store.append([said(login(ALICE, PHONE, at_ms=NOON_MS + HOUR)), said(purchase(4, subject=ALICE))])
    await settled(loop, courier)
    await store.append([said(purchase(8, subject=V1, id="again"))])
    await settled(loop, courier)
    assert await spend(store, V1) == await spend(store, PHONE) == await spend(store, ALICE) == 15
    assert sorted((await store.read(ALICE)).identity.others()) == [PHONE, V1]


async def test_nobody_is_joined_by_what_they_share(store: CustomerStore, loop: GuardedLoop, courier: Courier) -> None:
    """Bob is known by his phone, and uses the computer on which Alice has logged in."""
    await store.append([said(login(ALICE, V1)), said(purchase(100, subject=PHONE))])
    await store.append([said(login(PHONE, V1, at_ms=NOON_MS + HOUR))])
    await settled(loop, courier)
    assert (await person(store, PHONE)).subject == PHONE
    await store.append([said(login(BOB, PHONE, at_ms=NOON_MS + 2 * HOUR))])
    await settled(loop, courier)
    assert (await spend(store, ALICE), await spend(store, BOB)) == (0, 100)


async def test_what_was_withdrawn_in_the_same_breath_does_no_harm(
    store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    await store.append([said(login(PHONE, V1)), said(login(ALICE, PHONE))])
    await settled(loop, courier)
    await store.append([said(purchase(1, subject=V1)), undone(V1, PHONE, NOON_MS + 1)])
    await settled(loop, courier)
    assert (await spend(store, V1), await spend(store, ALICE)) == (1, 0)
    assert not any([await store.scripts.redis.xlen(keys.dead_letters(shard)) for shard in range(4)])


async def test_a_merge_is_undone(store: CustomerStore, loop: GuardedLoop, courier: Courier) -> None:
    events = [purchase(10, subject=V1), purchase(5, subject=ALICE), login(ALICE, V1), purchase(2, subject=V1, id="2")]
    await store.append(map(said, events))
    await settled(loop, courier)
    await store.append([undone(V1, ALICE, NOON_MS + 1)])
    await settled(loop, courier)
    assert (await spend(store, V1), await spend(store, ALICE)) == (12, 5)
    assert not (await store.read(ALICE)).identity.others()
    await store.append([said(login(ALICE, V1, at_ms=NOON_MS + HOUR)), said(purchase(1, subject=V1, id="3"))])
    await settled(loop, courier)
    assert (await spend(store, V1), await spend(store, ALICE)) == (13, 5), "named together again: still undone"
    await store.append([undone(V1, ALICE, NOON_MS + 2, wrong=False)])
    await settled(loop, courier)
    assert await spend(store, ALICE) == 18, "until somebody says that it was right"


async def test_undone_for_one_it_goes_to_the_next_who_claimed_it(
    store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    events = [purchase(10, subject=V1), login(ALICE, V1), login(BOB, V1, at_ms=NOON_MS + HOUR)]
    await store.append(map(said, events))
    await settled(loop, courier)
    await store.append([undone(V1, ALICE, NOON_MS)])
    await settled(loop, courier)
    assert (await spend(store, ALICE), await spend(store, BOB)) == (0, 10)


async def test_what_is_delivered_twice_counts_once(
    redis: Redis, store: CustomerStore, loop: GuardedLoop, courier: Courier, meter: Counted
) -> None:
    await store.append([said(purchase(10, subject=V1)), said(login(ALICE, V1)), said(purchase(1, subject=V1, id="2"))])
    await settled(loop, courier)
    other = Courier(store, lambda: loop.owned, meter)
    assert await other.deliver() == 0, "the target knows what it has"
    for shard in range(4):
        log: Any = await redis.xrange(keys.outbox(shard))
        for _, fields in log:
            if fields[b"topic"] == b"identities":
                await redis.xadd(keys.outbox(shard), fields)
    await settled(loop, courier)
    assert await spend(store, ALICE) == 11


async def test_a_shard_that_was_lost_and_comes_back_is_not_delivered_again(
    redis: Redis, store: CustomerStore, loop: GuardedLoop, meter: Counted
) -> None:
    """Its courier reads it from the start, and still knows how far the targets are."""
    owned = frozenset(range(4))
    courier = Courier(store, lambda: owned, meter)
    await store.append([said(login(ALICE, V1)), said(purchase(10, subject=V1))])
    await settled(loop, courier)
    owned = frozenset()
    assert await courier.deliver() == 0
    owned = frozenset(range(4))
    assert await courier.deliver() == 0
    log: list[Any] = [await redis.xrange(keys.outbox(shard)) for shard in range(4)]
    ids = [fields[b"id"] for entries in log for _, fields in entries if fields[b"topic"] == b"identities"]
    assert len(ids) == len(set(ids)) > 0


async def test_what_was_withdrawn_on_its_way_does_not_stop_what_came_with_it(
    redis: Redis, store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    """The phone hears of a visitor's purchase and of the end of the link at once; the customer never knew of it."""
    await store.append([said(login(ALICE, PHONE))])
    await settled(loop, courier)
    await store.append([said(login(PHONE, V1))])
    await loop.step()
    assert await courier.deliver() >= 1, "V1 has been claimed"
    await store.append([said(purchase(30, subject=V1)), undone(V1, PHONE, NOON_MS), said(purchase(2, subject=PHONE))])
    await settled(loop, courier)
    dead: list[Any] = [await redis.xrange(keys.dead_letters(shard)) for shard in range(4)]
    assert dead == [[]] * 4
    assert (await spend(store, ALICE), await spend(store, V1)) == (2, 30)
    assert [each.rule for each in (await store.read(ALICE)).ledger.proposals] == ["big"], "it was the phone's then"


async def test_a_target_that_lost_what_was_delivered_gets_it_again(
    redis: Redis, store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    """As a failover of the target's server alone would leave it."""
    shard = store.shard(ALICE)
    await store.append([said(login(ALICE, V1)), said(purchase(10, subject=V1))])
    await loop.step()
    await loop.step()
    before: Any = {name: await redis.dump(name) for name in await redis.keys(f"{keys.tag(shard)}*")}
    await settled(loop, courier)
    assert await spend(store, ALICE) == 10
    await redis.delete(*await redis.keys(f"{keys.tag(shard)}*"))
    for name, value in before.items():
        await redis.restore(name, 0, value)
    await courier.check()
    await loop.check_guards()
    await settled(loop, courier)
    assert (await store.read(ALICE)).identity.others().keys() == {V1}


async def test_what_comes_the_long_way_is_judged_although_it_is_known_by_then(
    store: CustomerStore, loop: GuardedLoop, courier: Courier
) -> None:
    """The visitor turns out to be the customer's own while an event is on its way by the phone: what the visitor has
    comes straight, and is there first."""
    names = (f"visitor:w-{number}" for number in range(100))
    visitor = next(each for each in names if store.shard(each) < store.shard(PHONE))  # delivered before the phone's
    await store.append([said(login(PHONE, visitor)), said(login(ALICE, PHONE))])
    await settled(loop, courier)
    await store.append([said(purchase(30, subject=visitor)), said(login(ALICE, visitor, at_ms=NOON_MS - HOUR))])
    await settled(loop, courier)
    assert (await person(store, visitor)).subject == ALICE
    assert [each.rule for each in (await store.read(ALICE)).ledger.proposals] == ["big"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_owner_that_is_ahead_of_its_source_goes_back_with_it(
    redis: Redis, store: CustomerStore, loop: GuardedLoop, courier: Courier, meter: Counted, restarted: bool
) -> None:
    """As a failover of the source's server alone would leave it, and another one while it is made good."""
    shard = store.shard(V1)
    assert shard != store.shard(ALICE)
    await store.append([said(login(ALICE, V1)), said(purchase(10, subject=V1))])
    await settled(loop, courier)
    kept: Any = {name: await redis.dump(name) for name in await redis.keys(f"{keys.tag(shard)}*")}
    await store.append([said(purchase(5, subject=V1, id="lost"))])
    await settled(loop, courier)
    assert (await store.read(ALICE)).identity.others()[V1].profile.features != {}
    if restarted:
        courier = Courier(store, lambda: loop.owned, meter)
    for steps_between in (1, 3):
        await redis.delete(*await redis.keys(f"{keys.tag(shard)}*"))
        for name, value in kept.items():
            await redis.restore(name, 0, value)
        for _ in range(steps_between):
            await courier.deliver()
            await loop.check_guards()
            await loop.step()
    await courier.check()
    await settled(loop, courier)
    part = (await store.read(ALICE)).identity.others()[V1]
    assert part.profile.features == (await store.read(V1)).profile.features
    assert await spend(store, ALICE) == 10


async def test_a_timer_that_fires_again_after_its_shard_fell_back_is_judged_once(
    redis: Redis, store: CustomerStore, loop: GuardedLoop, courier: Courier, meter: Counted
) -> None:
    """Also after the owner was told how things are now: without the timer that has fired."""
    timers, tag = Timers(store, lambda: loop.owned, meter), keys.tag(store.shard(V1))
    await store.append([said(interaction("call_started", subject=V1))])
    await settled(loop, courier)
    await store.append([said(login(ALICE, V1, at_ms=NOON_MS + MINUTE))])
    await settled(loop, courier)
    kept: Any = {name: await redis.dump(name) for name in await redis.keys(f"{tag}*")}
    for _ in range(2):
        assert await timers.fire_due(NOON_MS + 20 * MINUTE) == 1
        await settled(loop, courier)
        assert await redis.xlen(keys.actions(store.shard(ALICE))) == 1
        await redis.delete(*await redis.keys(f"{tag}*"))
        for name, value in kept.items():
            await redis.restore(name, 0, value)
        await courier.check()
        await loop.check_guards()
        await settled(loop, courier)
        assert (await store.read(ALICE)).identity.others()[V1].profile.pending


SEEDS = 30


async def test_all_orders_of_arrival_agree(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    """Random events and links in two orders of arrival, with couriers that come and go: one result, and it is the sum
    of what was said under each identifier."""
    seed = secrets.randbelow(10**9)
    for number in range(SEEDS):
        chance = random.Random(seed + number)
        events = _story(chance)
        results = []
        for _ in range(2):
            await redis.flushdb()
            fresh = await CustomerStore.open(redis, 4)
            loop = worker(policy=POLICY)
            courier = Courier(fresh, lambda loop=loop: loop.owned, meter)  # type: ignore[misc]
            chance.shuffle(events)
            for each in events:
                await fresh.append([said(each)])
                if chance.random() < 0.3:
                    await loop.step()
                if chance.random() < 0.2:
                    courier = Courier(fresh, lambda loop=loop: loop.owned, meter)  # type: ignore[misc]
                if chance.random() < 0.3:
                    await courier.deliver()
            await settled(loop, courier)
            results.append({each: await _seen(fresh, each, events) for each in (ALICE, BOB, PHONE, V1, V2)})
        assert results[0] == results[1], f"seed {seed + number}"


def _story(chance: random.Random) -> list[Interaction]:
    people = (ALICE, BOB, PHONE, V1, V2)
    events = [
        purchase(chance.randint(1, 9), NOON_MS + n * MINUTE, subject=chance.choice(people), id=f"p-{n}")
        for n in range(10)
    ]
    for n in range(chance.randint(1, 4)):
        stronger, weaker = sorted(chance.sample(range(5), 2))
        events.append(login(people[stronger], people[weaker], at_ms=NOON_MS + n * HOUR))
    return events


async def _seen(
    store: CustomerStore, identifier: str, events: Iterable[Interaction]
) -> tuple[str, float, frozenset[str]]:
    found = await person(store, identifier)
    members = {found.subject, *found.others}
    spent = await spend(store, identifier)
    assert spent == sum(each.data["amount"] for each in events if each.type == "purchase" and each.subject in members)
    customer = await store.read(found.subject)
    assert customer.identity.others().keys() == found.others.keys(), "the worker knows what a reader finds"
    for name, part in customer.identity.others().items():
        assert part.profile.features == (await store.read(name)).profile.features
    return found.subject, spent, frozenset(members)


def test_the_sum_of_parts_is_the_fold_of_all() -> None:
    seed = secrets.randbelow(10**9)
    definition = POLICY.definition
    for number in range(200):
        chance = random.Random(seed + number)
        parts = [Profile() for _ in range(chance.randint(2, 4))]
        whole = Profile()
        for n in range(chance.randint(1, 30)):
            kind = chance.choice(("purchase", "page_view", "call_started"))
            data = {
                "amount": float(chance.randint(1, 50)),
                "product": chance.choice("abcde"),
                "age": chance.randint(1, 9),
            }
            at_ms = NOON_MS + chance.randint(0, 60) * HOUR
            event = interaction(kind, at_ms, data={k: data[k] for k in definition.interactions[kind].fields}, id=str(n))
            at = chance.randrange(len(parts))
            parts[at], whole = fold(parts[at], event, definition), fold(whole, event, definition)
        for order in (parts, parts[::-1], [joined(parts[:2], definition), *parts[2:]]):
            found = joined(order, definition)
            now_ms = NOON_MS + 60 * HOUR
            for name, feature in definition.features.items():
                expected = read_feature(feature, whole.features, now_ms)
                assert read_feature(feature, found.features, now_ms) == expected, f"{name}, seed {seed + number}"
            assert (found.first, found.last, found.recent) == (whole.first, whole.last, whole.recent)
            assert found.set_at == whole.set_at, f"seed {seed + number}"
