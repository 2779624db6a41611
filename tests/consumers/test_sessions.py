"""One summary for each visit that has ended: what it says, what follows from it, and that it comes once."""

import asyncio
from random import Random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from consumers.timers import Timers
from profiles import keys
from profiles.log_stream import OUTBOX
from profiles.store import CustomerStore
from schemas.base import rfc3339
from schemas.interaction import SESSION_ENDED, Interaction
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, SHOP, interaction, live, purchase
from tests.consumers.conftest import Counted, MakeWorker
from tests.consumers.story import Customer, facts, fired
from tests.consumers.test_loop import ALICE, drained, said

POLICY = live(
    interactions={**SHOP["interactions"], "logout": {"channel": "web"}},
    features={
        **SHOP["features"],
        "visits_30d": {"count": "session_ended", "window": "30d"},
        "seconds": {"sum": "event.length_s", "of": "session_ended"},
        "last_visit_began": {"last": "event.started", "of": "session_ended"},
        "purposes": {"recent": "event.purpose", "of": "session_ended"},
    },
    session={
        "idle": "30m",
        "ends": "logout",
        "features": {
            "viewed": {"recent": "event.product", "of": "page_view"},
            "bought": {"count": "purchase"},
            "spent": {"sum": "event.amount", "of": "purchase"},
            "first_buy": {"first": "event.time", "of": "purchase"},
            "by_product": {"count": "page_view", "by": "event.product"},
        },
        "purposes": {
            "buying": "session.bought > 0",
            "browsing": "size(session.viewed) > 1 && customer.spend == 0.0",
            "information": "true",
        },
    },
    rules=[
        {
            "id": "come-back",
            "when": "session_ended",
            "if": 'event.purpose == "browsing" && event.length_s > 60.0 && event.bought == 0 && !has(session.started)',
            "propose": "mug",
            "for": "2d",
        },
        {
            "id": "bye",
            "when": ["logout", "page_view"],
            "if": 'event.type == "logout" && session.bought > 0 && session.purpose == "buying"',
            "propose": "pen",
            "for": "1d",
        },
        {"id": "keen", "if": 'session.purpose == "buying"', "propose": "pen"},
    ],
)


def view(minute: int, product: str) -> Interaction:
    return interaction(at_ms=NOON_MS + minute * MINUTE, data={"product": product})


def test_a_visit_that_ended_by_idle_time_is_summed_up_as_of_its_last_interaction() -> None:
    customer = Customer(POLICY).fold(view(0, "a"), view(4, "b"), fired("session:web", NOON_MS + 34 * MINUTE))
    (ended,) = customer.of(SESSION_ENDED)
    assert (ended.at_ms, ended.channel, ended.source) == (NOON_MS + 4 * MINUTE, "web", "opportune/sessions")
    assert ended.subject == ALICE
    assert ended.policy == POLICY.revision
    assert ended.data == {
        "started": rfc3339(NOON_MS),
        "length_s": 240.0,
        "interactions": 2,
        "purpose": "browsing",
        "ended_by": "idle",
        "viewed": ["b", "a"],
        "bought": 0,
        "spent": 0.0,
    }
    assert POLICY.definition.typed(ended).data.keys() == ended.data.keys()


def test_a_visit_that_an_interaction_ended_is_summed_up_with_it() -> None:
    customer = Customer(POLICY).fold(
        view(0, "a"), purchase(9.5, NOON_MS + MINUTE), interaction("logout", NOON_MS + 3 * MINUTE)
    )
    (ended,) = customer.of(SESSION_ENDED)
    assert (ended.at_ms, ended.data["ended_by"], ended.data["purpose"]) == (NOON_MS + 3 * MINUTE, "logout", "buying")
    assert (ended.data["spent"], ended.data["first_buy"]) == (9.5, rfc3339(NOON_MS + MINUTE))
    assert customer.step.timers["session:web"] is None, "its timer is cancelled"


def test_a_visit_that_the_next_one_overtook_knows_nothing_of_it() -> None:
    customer = Customer(POLICY).fold(view(0, "a"), view(1, "b"), purchase(9, NOON_MS + 2 * HOUR))
    (ended,) = customer.of(SESSION_ENDED)
    assert (ended.data["purpose"], ended.data["bought"], ended.data["length_s"]) == ("browsing", 0, 60.0)
    assert customer.step.timers["session:web"] == NOON_MS + 2 * HOUR + 30 * MINUTE


def test_a_summary_is_an_interaction_like_any_other_but_no_visit() -> None:
    customer = Customer(POLICY).fold(view(0, "a"), view(4, "b"), fired("session:web", NOON_MS + 34 * MINUTE))
    names = ("customer.visits_30d", "customer.seconds", "customer.last_visit_began", "customer.purposes")
    found = facts(customer, *names, now_ms=NOON_MS + HOUR)
    assert (found["customer.visits_30d"], found["customer.seconds"]) == (1, 240.0)
    assert rfc3339(int(found["customer.last_visit_began"].timestamp() * 1000)) == rfc3339(NOON_MS)
    assert found["customer.purposes"] == ["browsing"]
    assert [kind for _, kind, _, _ in customer.profile.recent] == ["page_view"] * 2
    assert customer.step.counts["2026-03-10|interactions|session_ended|web"] == 1
    assert customer.profile.sessions["web"].interactions == 2
    assert customer.profile.last == NOON_MS + 4 * MINUTE


def test_a_rule_answers_the_end_of_a_visit() -> None:
    customer = Customer(POLICY).fold(view(0, "a"), view(4, "b"), fired("session:web", NOON_MS + 34 * MINUTE))
    assert [each.rule for each in customer.step.ledger.proposals] == ["come-back"]
    customer = Customer(POLICY).fold(view(0, "a"), view(4, "b"), view(90, "c"))
    assert [each.rule for each in customer.step.ledger.proposals] == ["come-back"], "also beside the next visit"
    customer = Customer(POLICY).fold(view(0, "a"), fired("session:web", NOON_MS + 30 * MINUTE))
    assert customer.step.ledger.proposals == ()


def test_a_rule_that_answers_the_interaction_which_ends_a_visit_sees_that_visit() -> None:
    bought = Customer(POLICY).fold(purchase(1), interaction("logout", NOON_MS + MINUTE))
    assert [each.rule for each in bought.step.ledger.proposals] == ["bye"]
    looked = Customer(POLICY).fold(view(0, "a"), interaction("logout", NOON_MS + MINUTE))
    assert looked.step.ledger.proposals == ()


def test_the_purpose_of_an_open_visit_is_known_to_every_condition() -> None:
    customer = Customer(POLICY).fold(view(0, "a"))
    assert facts(customer, "session.purpose", now_ms=NOON_MS) == {"session.purpose": "information"}
    customer.fold(purchase(1, NOON_MS + MINUTE))
    assert facts(customer, "session.purpose", now_ms=NOON_MS + MINUTE) == {"session.purpose": "buying"}
    assert facts(customer, "session.purpose", now_ms=NOON_MS + HOUR) == {}
    assert facts(customer, "session.purpose", now_ms=NOON_MS, channel="call") == {}


def test_what_arrives_late_brings_no_second_summary() -> None:
    customer = Customer(POLICY).fold(
        view(0, "a"),
        fired("session:web", NOON_MS + 30 * MINUTE),
        view(20, "late"),
        fired("session:web", NOON_MS + 50 * MINUTE),
        view(100, "next"),
    )
    (ended,) = customer.of(SESSION_ENDED)
    assert ended.data["viewed"] == ["a"]


VISIT = st.lists(st.integers(0, 30), min_size=1, max_size=6, unique=True)


@settings(max_examples=100, deadline=None)
@given(VISIT, st.randoms(use_true_random=False), st.booleans())
def test_a_summary_does_not_depend_on_the_order_of_arrival(minutes: list[int], chance: Random, by_timer: bool) -> None:
    def summary(arrival: list[int]) -> list[dict[str, Any]]:
        end = fired("session:web", NOON_MS + 90 * MINUTE) if by_timer else view(90, "next")
        customer = Customer(POLICY).fold(*(view(each, f"p{each}") for each in arrival), end)
        return [each.data for each in customer.of(SESSION_ENDED)]

    shuffled = list(minutes)
    chance.shuffle(shuffled)
    assert summary(shuffled) == summary(sorted(minutes))
    assert len(summary(shuffled)) == 1


MINUTES = st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["view", "view", "logout", "timer"])), max_size=25)


@settings(max_examples=150, deadline=None)
@given(MINUTES)
def test_summaries_have_ids_of_their_own_and_no_interaction_is_in_two(events: list[tuple[int, str]]) -> None:
    customer = Customer(POLICY)
    for number, (minute, kind) in enumerate(events):
        at_ms = NOON_MS + minute * MINUTE
        customer.fold(
            fired("session:web", at_ms)
            if kind == "timer"
            else interaction("logout" if kind == "logout" else "page_view", at_ms, id=str(number))
        )
    customer.fold(fired("session:web", NOON_MS + DAY))
    ended = customer.of(SESSION_ENDED)
    assert len({each.id for each in ended}) == len(ended)
    assert sum(each.data["interactions"] for each in ended) <= sum(1 for _, kind in events if kind != "timer")
    assert all(session.ended is not None for session in customer.profile.sessions.values())


async def summaries_in(redis: Redis, store: CustomerStore) -> list[dict[str, Any]]:
    records: Any = await redis.xrange(keys.outbox(store.shard(ALICE)))
    bodies = [orjson.loads(fields[b"body"]) for _, fields in records]
    return [each["data"] for each in bodies if each["type"] == SESSION_ENDED]


async def test_timers_workers_and_replay_give_one_summary(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    loop = worker(policy=POLICY)
    await store.append([said(view(0, "a")), said(view(2, "b")), said(view(0, "a"))])
    await drained(loop)
    timers = [Timers(store, lambda: frozenset(range(4)), meter) for _ in range(2)]
    await asyncio.gather(*(each.fire_due(NOON_MS + HOUR) for each in timers))
    await asyncio.gather(drained(loop), drained(worker("one", POLICY)))
    await redis.hset(keys.guard(store.shard(ALICE)), OUTBOX.position, "0")  # as if END had never been reached
    await drained(worker("two", POLICY))
    (ended,) = await summaries_in(redis, store)
    assert ended["interactions"] == 2
    customer = await store.read(ALICE)
    assert customer.profile.features[POLICY.definition.features["seconds"].key] == 120
    assert await timers[0].fire_due(NOON_MS + DAY) == 0


async def test_a_visit_ends_however_long_the_name_of_its_customer_is(
    store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    loop, subject = worker(policy=POLICY), "customer:" + "x" * 200
    await store.append([said(interaction(subject=subject, id="1"))])
    await drained(loop)
    assert await Timers(store, lambda: frozenset(range(4)), meter).fire_due(NOON_MS + DAY) == 1
    await drained(loop)
    profile = (await store.read(subject)).profile
    assert profile.sessions["web"].ended == NOON_MS + 30 * MINUTE
    assert "worker_dead_letters" not in meter.counts
    assert profile.features[POLICY.definition.features["visits_30d"].key][1] == 1


async def test_an_interaction_that_ends_the_visit_cancels_its_timer(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    loop = worker(policy=POLICY)
    await store.append([said(view(0, "a"))])
    await drained(loop)
    await store.append([said(interaction("logout", NOON_MS + MINUTE))])
    await drained(loop)
    assert await Timers(store, lambda: frozenset(range(4)), meter).fire_due(NOON_MS + DAY) == 0
    assert [each["ended_by"] for each in await summaries_in(redis, store)] == ["logout"]
    assert (await store.counts())["2026-03-10|interactions|session_ended|web"] == 1
