"""What a fold says itself is folded in the commit that says it: once, whatever happens to its own record."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from consumers.folding import ProfileFold, interactions
from consumers.folding.step import Step
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.said import is_folded, marked
from profiles import keys
from profiles.customer import Customer
from profiles.log_stream import OUTBOX
from profiles.store import Commit, CustomerStore, Record
from schemas.interaction import SESSION_ENDED, Interaction, to_cloud_event
from tests.builders import HOUR, NOON_MS, SHOP, interaction, live
from tests.consumers.conftest import Counted, MakeWorker
from tests.consumers.test_loop import ALICE, drained, said

POLICY = live(
    features={**SHOP["features"], "visits": {"count": "session_ended"}, "changes": {"count": "stage_changed"}},
    rules=[{"id": "bye", "when": "session_ended", "propose": "mug", "for": "2d"}],
    stages={"known": "customer.visits > 0", "new": "true"},
)
VISITS, CHANGES = (POLICY.definition.features[name].key for name in ("visits", "changes"))
START, NEXT = interaction(id="1"), interaction(id="2", at_ms=NOON_MS + HOUR)


def log_of(*records: Record | LogRecord, after: int = 0) -> list[LogRecord]:
    arrived = enumerate(records, after + 1)
    return [LogRecord(each.topic, at, NOON_MS + 2 * HOUR, each.id, ALICE, each.body) for at, each in arrived]


def of_type(kind: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    return [body for each in records if (body := orjson.loads(each.body))["type"] == kind]


def folded_into(customer: Customer, commit: Commit) -> Customer:
    assert commit.profile is not None
    return Customer(ALICE, "1-a", commit.profile, commit.ledger or customer.ledger)


def test_one_commit_has_the_end_the_summary_and_what_follows_from_it(meter: Counted) -> None:
    commit = ProfileFold(POLICY, meter)(Customer(ALICE), log_of(said(START), said(NEXT)))
    assert commit.profile is not None
    assert commit.ledger is not None
    assert [each["folded"] for each in of_type(SESSION_ENDED, commit.records)] == [True]
    assert commit.profile.features[VISITS] == 1
    assert [each.rule for each in commit.ledger.proposals] == ["bye"]
    assert [stage for stage, _ in commit.profile.stages] == ["known", "new"], "the summary has changed the stage"
    assert commit.profile.features[CHANGES] == 2
    assert commit.counts["2026-03-10|interactions|session_ended|web"] == 1


async def test_its_own_record_needs_no_commit(redis: Redis, store: CustomerStore, worker: MakeWorker) -> None:
    loop = worker(policy=POLICY)
    await store.append([said(START), said(NEXT)])
    await loop.step()
    before, position = (await store.read(ALICE)).version, loop.positions[store.shard(ALICE)]
    await drained(loop)
    assert loop.positions[store.shard(ALICE)] > position, "the records of the summary and the stages were passed"
    assert (await store.read(ALICE)).version == before


async def test_a_replay_of_everything_folds_it_once(redis: Redis, store: CustomerStore, worker: MakeWorker) -> None:
    await store.append([said(START), said(NEXT)])
    await drained(worker(policy=POLICY))
    await redis.hset(keys.guard(store.shard(ALICE)), OUTBOX.position, "0")
    await drained(worker("two", POLICY))
    customer = await store.read(ALICE)
    assert (customer.profile.features[VISITS], customer.profile.features[CHANGES]) == (1, 2)
    assert await redis.xlen(keys.outbox(store.shard(ALICE))) == 5


async def test_it_is_folded_once_also_if_its_record_stands_behind_more_than_a_profile_remembers(
    store: CustomerStore, worker: MakeWorker
) -> None:
    """The record of the summary comes after all that was waiting: 2,500 identities later."""
    waiting = [interaction(id=f"w-{number}", at_ms=NOON_MS + HOUR + number) for number in range(2_500)]
    await store.append([said(START), *map(said, waiting)])
    await drained(worker(policy=POLICY, keep=10_000))
    assert (await store.read(ALICE)).profile.features[VISITS] == 1


def test_what_cannot_be_folded_where_it_is_said_becomes_a_dead_letter_of_its_own(
    meter: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has made it said is folded all the same."""
    fold_interaction = interactions.fold_interaction

    def failing(step: Step, event: Interaction, policy: LivePolicy) -> None:
        fold_interaction(step, event, policy)
        if event.type == SESSION_ENDED:
            raise ArithmeticError("a mistake of ours")

    monkeypatch.setattr(interactions, "fold_interaction", failing)
    fold, customer = ProfileFold(POLICY, meter), Customer(ALICE)
    commit = fold(customer, log_of(said(START), said(NEXT)))
    assert commit.profile is not None
    assert (commit.profile.sessions["web"].started, commit.profile.features.get(VISITS)) == (NEXT.at_ms, None)
    assert "worker_dead_letters" not in meter.counts
    (summary,) = [each for each in commit.records if orjson.loads(each.body)["type"] == SESSION_ENDED]
    assert "folded" not in orjson.loads(summary.body)
    monkeypatch.undo()
    rebuilt = ProfileFold(POLICY, meter, again=True)(customer, log_of(said(START), said(NEXT), summary))
    assert rebuilt.profile is not None
    assert rebuilt.profile.features[VISITS] == 1, "mended, a rebuild folds it where it follows, and only there"
    monkeypatch.setattr(interactions, "fold_interaction", failing)
    again = fold(folded_into(customer, commit), log_of(summary, after=2))
    assert [each.topic for each in again.records] == ["dead-letters"]
    assert meter.counts["worker_dead_letters"] == 1


@pytest.mark.parametrize(
    ("record", "folded"),
    [
        (Record("interactions", "opportune/sessions#1", ALICE, marked(interaction(SESSION_ENDED))), True),
        (Record("interactions", "opportune/sessions#1", ALICE, marked(interaction("page_view"))), False),
        (Record("interactions", "shop#1", ALICE, marked(interaction(SESSION_ENDED))), False),
        (Record("responses", "opportune/sessions#1", ALICE, marked(interaction(SESSION_ENDED))), False),
        (Record("responses", "opportune/goals#1", ALICE, b'{"code": "K7", "folded": true}'), True),
        (Record("responses", "opportune/goals#1", ALICE, b'{"code": "K7", "folded": false}'), False),
        (Record("responses", "K7/accepted", ALICE, b'{"code": "K7", "folded": true}'), False),
        (
            Record(
                "interactions",
                "opportune/sessions#1",
                ALICE,
                orjson.dumps(to_cloud_event(interaction(SESSION_ENDED, data={"folded": True}))),
            ),
            False,
        ),
        (Record("interactions", "opportune/sessions#1", ALICE, b"{not json"), False),
    ],
)
def test_only_what_opportune_says_itself_is_passed(record: Record, folded: bool) -> None:
    (logged,) = log_of(record)
    assert is_folded(logged) is folded
