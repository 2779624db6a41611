"""Stages are state: judged after each interaction and at reviews, recorded with their times, and said once."""

import time
from datetime import timedelta
from itertools import pairwise
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from consumers.folding.lifecycle import MOST_STAGES
from consumers.timers import Timers
from profiles import keys
from profiles.log_stream import OUTBOX
from profiles.profile import Profile
from profiles.store import CustomerStore
from schemas.base import moment
from schemas.interaction import STAGE_CHANGED
from tests.builders import DAY, HOUR, NOON_MS, interaction, live, purchase
from tests.consumers.conftest import Counted, MakeWorker
from tests.consumers.story import Customer, facts, fired
from tests.consumers.test_loop import ALICE, drained, said

STAGES: dict[str, Any] = {
    "decline": {"if": 'now - customer.last_seen >= duration("2160h")', "from": ["growth", "maturity"]},
    "maturity": {"if": "customer.purchases_30d >= 3", "from": ["growth", "decline"]},
    "growth": {"if": "customer.purchases_30d >= 1", "from": ["onboarding", "decline"]},
    "onboarding": "!has(customer.stage_since)",
}
POLICY = live(
    stages=STAGES,
    lifecycle={"review": "7d"},
    rules=[
        {"id": "win-back", "when": "stage_changed", "if": 'event.to == "decline"', "propose": "mug", "for": "60d"},
        {"id": "welcome", "when": "stage_changed", "if": "!has(event.from)", "propose": "pen", "for": "1d"},
    ],
)


def bought(days: int) -> Any:
    return purchase(10, NOON_MS + days * DAY)


def reviewed_until(customer: Customer, days: int) -> int:
    """Fires the reviews that are due until then; how many there were."""
    count = 0
    while (due := customer.step.timers.get("review")) is not None and due <= NOON_MS + days * DAY:
        customer.step.timers["review"] = None
        customer.fold(fired("review", due))
        count += 1
    return count


def test_transitions_are_recorded_with_their_times_newest_first() -> None:
    customer = Customer(POLICY).fold(interaction(), bought(1), bought(2), bought(3))
    assert customer.profile.stages == (
        ("maturity", NOON_MS + 3 * DAY),
        ("growth", NOON_MS + 1 * DAY),
        ("onboarding", NOON_MS),
    )
    assert [each.data for each in customer.of(STAGE_CHANGED)] == [
        {"to": "onboarding"},
        {"from": "onboarding", "to": "growth"},
        {"from": "growth", "to": "maturity"},
    ]
    assert {(each.channel, each.policy) for each in customer.of(STAGE_CHANGED)} == {("", POLICY.revision)}
    assert Profile.loads(customer.profile.dumps()) == customer.profile


def test_decline_comes_without_any_interaction_and_reviews_end() -> None:
    customer = Customer(POLICY).fold(interaction(), bought(1), bought(2))
    assert customer.step.timers == {"session:web": NOON_MS + 2 * DAY + HOUR / 2, "review": NOON_MS + 9 * DAY}
    reviewed_until(customer, 91)
    assert customer.profile.stages[0][0] == "growth"
    assert reviewed_until(customer, 600) < 60
    stage, at_ms = customer.profile.stages[0]
    assert stage == "decline"
    assert 90 <= (at_ms - NOON_MS) / DAY - 2 < 97
    assert customer.step.timers["review"] is None, "nobody has been seen for 400 days"
    assert customer.profile.last == NOON_MS + 2 * DAY, "a change of stage is no sign of life"
    assert [each.rule for each in customer.step.ledger.proposals][-1] == "win-back"


def test_from_decline_back() -> None:
    customer = Customer(POLICY).fold(interaction(), bought(1))
    reviewed_until(customer, 120)
    customer.fold(bought(120))
    assert [stage for stage, _ in customer.profile.stages] == ["growth", "decline", "growth", "onboarding"]
    assert customer.step.timers["review"] == NOON_MS + 127 * DAY


def test_nothing_changes_where_nothing_changes() -> None:
    customer = Customer(POLICY).fold(*(interaction(at_ms=NOON_MS + n * HOUR) for n in range(9)))
    assert len(customer.profile.stages) == len(customer.of(STAGE_CHANGED)) == 1
    assert Customer(live()).fold(bought(1)).profile.stages == ()
    assert "review" not in Customer(live(stages=STAGES)).fold(bought(1)).step.timers


def test_transitions_of_one_moment_have_times_and_ids_of_their_own() -> None:
    flip = {"even": "customer.purchases_30d % 2 == 0", "odd": "customer.purchases_30d % 2 == 1"}
    events = [purchase(1, NOON_MS, id=str(n)) for n in range(30)]
    customer = Customer(live(stages=flip)).fold(*events)
    said_at = [each.at_ms for each in customer.of(STAGE_CHANGED)]
    assert said_at == sorted(set(said_at))
    assert len({each.id for each in customer.of(STAGE_CHANGED)}) == 30
    assert len(customer.profile.stages) == MOST_STAGES
    assert customer.profile.stages[0] == ("even", NOON_MS + 29)


def test_a_stage_that_depends_on_changes_of_stage_does_not_run_in_circles() -> None:
    features = {"changes": {"count": "stage_changed"}}
    flip = {"even": "customer.changes % 2 == 0", "odd": "customer.changes % 2 == 1"}
    customer = Customer(live(features=features, stages=flip)).fold(interaction())
    assert len(customer.profile.stages) == 1


def test_the_end_of_a_visit_is_judged_too() -> None:
    policy = live(
        features={"visits": {"count": "session_ended"}},
        stages={"regular": "customer.visits >= 1", "new": "true"},
    )
    customer = Customer(policy).fold(interaction(), fired("session:web", NOON_MS + HOUR))
    assert customer.profile.stages[0][0] == "regular"


def test_conditions_know_stage_since_and_the_one_before() -> None:
    customer = Customer(POLICY).fold(interaction(), bought(1))
    names = ("customer.stage", "customer.stage_since", "customer.previous_stage", "customer.first_seen")
    now_ms = NOON_MS + 2 * DAY
    assert list(facts(customer, *names, now_ms=now_ms).values()) == [
        "growth",
        moment(NOON_MS + DAY),
        "onboarding",
        moment(NOON_MS),
    ]
    later_ms = NOON_MS + 200 * DAY
    assert list(facts(customer, *names[:3], now_ms=later_ms).values()) == ["decline", moment(later_ms), "growth"]
    assert customer.profile.stages[0][0] == "growth", "a decision judges afresh, and records nothing"


def test_a_stage_may_last_for_a_time() -> None:
    stages = {
        "settled": {"if": 'now - customer.stage_since > duration("720h")', "from": ["new"]},
        "new": "true",
    }
    customer = Customer(live(stages=stages, lifecycle={"review": "1d"})).fold(interaction())
    assert reviewed_until(customer, 30) == 30
    assert len(customer.profile.stages) == 1
    reviewed_until(customer, 31)
    assert customer.profile.stages[0] == ("settled", NOON_MS + 31 * DAY)
    assert moment(customer.profile.stages[0][1]) - moment(NOON_MS) == timedelta(days=31)


def test_a_history_that_arrives_late_is_reviewed_as_of_its_arrival() -> None:
    customer = Customer(POLICY)
    customer.step.now_ms = NOON_MS + 300 * DAY
    customer.fold(interaction(), bought(1))
    assert customer.step.timers["review"] == NOON_MS + 300 * DAY
    reviewed_until(customer, 300)
    assert customer.profile.stages[0] == ("decline", NOON_MS + 300 * DAY)


EVENTS = st.lists(st.integers(0, 400 * 24), min_size=1, max_size=15, unique=True)


@settings(max_examples=100, deadline=None)
@given(EVENTS)
def test_each_transition_is_allowed_and_said_once(hours: list[int]) -> None:
    """In whatever order the events come."""
    customer = Customer(POLICY).fold(*(purchase(1, NOON_MS + each * HOUR) for each in hours))
    entered = [stage for stage, _ in reversed(customer.profile.stages)]
    allowed = {name: entry["from"] if isinstance(entry, dict) else list(STAGES) for name, entry in STAGES.items()}
    assert entered[0] == "onboarding"
    assert all(before in allowed[after] for before, after in pairwise(entered))
    assert [each.data["to"] for each in customer.of(STAGE_CHANGED)] == entered
    times = [at_ms for _, at_ms in customer.profile.stages]
    assert times == sorted(times, reverse=True)


async def said_changes(redis: Redis, store: CustomerStore) -> list[dict[str, str]]:
    records: Any = await redis.xrange(keys.outbox(store.shard(ALICE)))
    bodies = [orjson.loads(fields[b"body"]) for _, fields in records]
    return [each["data"] for each in bodies if each["type"] == STAGE_CHANGED]


async def test_a_review_fires_from_the_store_and_its_change_is_said_once(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    now_ms = int(time.time() * 1000)
    loop, timers = worker(policy=POLICY), Timers(store, lambda: frozenset(range(4)), meter)
    old = [purchase(10, now_ms - ago * DAY, id=str(ago)) for ago in (120, 119)]
    await store.append([said(each) for each in old])
    await drained(loop)
    assert await timers.fire_due(now_ms + HOUR) == 2, "the end of the visit, and a review at once, as all is long ago"
    await drained(loop)
    await redis.hset(keys.guard(store.shard(ALICE)), OUTBOX.position, "0")  # as if END had never been reached
    await drained(worker("two", POLICY))
    changes = [{"to": "onboarding"}, {"from": "onboarding", "to": "growth"}, {"from": "growth", "to": "decline"}]
    assert await said_changes(redis, store) == changes
    assert [stage for stage, _ in (await store.read(ALICE)).profile.stages] == ["decline", "growth", "onboarding"]
    assert (await store.counts())[f"{moment(now_ms - 120 * DAY).date()}|interactions|stage_changed|"] == 1
