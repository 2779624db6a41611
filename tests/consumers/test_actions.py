"""What fired rules do: call lists, nudges, messages under the contact policy; in the commit, on a real Redis."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from app.decisioning import Decisioning
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.log import LogRecord
from profiles import keys
from profiles.customer import Customer
from profiles.log_stream import OUTBOX
from profiles.profile import Profile
from profiles.store import ACTIONS, Commit, CustomerStore
from rules import codes
from rules.arbitration import NothingLearned
from rules.replay import replayed
from schemas.action import Action
from schemas.base import at_ms, rfc3339
from schemas.decision import DecisionRecord, DecisionRequest, Placement
from schemas.interaction import Interaction, to_cloud_event
from schemas.ledger import Ledger
from tests.builders import CATALOGUE, DAY, HOUR, MINUTE, NOON_MS, entry, live, purchase
from tests.consumers.conftest import Counted, MakeWorker
from tests.consumers.course import ALICE, Log, texts
from tests.consumers.test_loop import drained, said

LETTER = {
    "id": "letter",
    "name": "A letter",
    "treatments": [{"id": "mail", "channel": "email", "placement": "inbox", "content": {"body": "Dear customer"}}],
}
CELLS = [{"id": "all", "share": 100, "offers": ["mug", "pen", "letter"]}]
OUTBOUND = {
    "offers": [*CATALOGUE["offers"], LETTER],
    "campaigns": [{"id": "spring", "programs": [{"id": "gifts", "cells": CELLS}]}],
}
MESSAGE = {"message": "email", "placement": "inbox"}


def acting(*acts: dict[str, Any], **sections: Any) -> LivePolicy:
    rule = {"id": "big", "when": "purchase", "if": "event.amount > 5.0", "propose": "letter", "act": list(acts)}
    return live(**{**OUTBOUND, "rules": [rule], **sections})


def decisions(log: Log) -> list[DecisionRecord]:
    return [DecisionRecord.model_validate_json(each.body) for each in log.step.records if each.topic == "decisions"]


# call lists and nudges


def test_a_call_list_entry_and_a_nudge() -> None:
    acts = (
        {"call_list": "retention", "priority": 80, "note": "Bill of {event.amount} for {customer.id}"},
        {"nudge": "hero", "text": "Ask {{them}}"},
    )
    log = Log(acting(*acts))
    log.fold(purchase(12.5, id="p"))
    entry_, nudge = log.actions
    assert (entry_.list, entry_.priority, entry_.text) == ("retention", 80, "Bill of 12.5 for alice")
    assert (nudge.channel, nudge.placement, nudge.text) == ("web", "hero", "Ask {them}")
    assert (entry_.expires, nudge.expires) == (rfc3339(NOON_MS + 7 * DAY), rfc3339(NOON_MS + 15 * MINUTE))
    assert entry_.id != nudge.id
    assert log.step.taken == ["call_list", "nudge"]


def test_a_rule_that_does_not_hold_and_an_event_seen_before_do_nothing() -> None:
    log = Log(acting({"call_list": "x"}))
    log.fold(purchase(1))
    log.fold(purchase(10, id="p"))
    log.fold(purchase(10, id="p"))
    assert len(log.actions) == 1


def test_a_rule_of_segments_and_stages_can_be_written() -> None:
    policy = acting(
        {"call_list": "x", "note": "{customer.stage}: {customer.segments}"},
        segments={"rich": "true"},
        stages={"new": "true"},
    )
    log = Log(policy)
    log.fold(purchase(10))
    assert texts(log.actions) == ["new: rich"]


def test_at_most_once_holds_it_back() -> None:
    log = Log(acting({"call_list": "x", "note": "{event.id}", "at_most_once": "7d"}))
    for days in (0, 3, 7, 8, 14):
        log.fold(purchase(10, NOON_MS + days * DAY, id=f"day {days}"))
    assert texts(log.actions) == ["day 0", "day 7", "day 14"]


# messages


def test_a_message_is_decided_reserved_and_confirmed() -> None:
    log = Log(acting(MESSAGE))
    log.fold(purchase(10, id="p"))
    (action,), (decided,) = log.actions, decisions(log)
    assert (action.channel, action.placement, action.offer) == ("email", "inbox", "letter")
    assert (action.content, action.code) == ({"body": "Dear customer"}, decided.treatments[0].code)
    assert action.decision == decided.decision
    assert codes.parse(str(action.code)) == action.code
    (reserved,) = log.step.ledger.entries
    assert (reserved.code, reserved.channel, reserved.logged) == (action.code, "email", True)
    assert log.step.counts["2026-03-10|spring|gifts|all|letter|email|decided"] == 1
    assert [each.key for each in log.step.new_keys] == [
        keys.decision(0, decided.decision),
        keys.code(0, str(action.code)),
    ]


def test_a_message_replays_from_its_record() -> None:
    policy = acting(MESSAGE)
    log = Log(policy)
    log.fold(purchase(10))
    (decided,) = decisions(log)
    again = replayed(decided, policy.ruleset, NothingLearned())
    assert again.model_dump_json() == decided.model_dump_json()


CONSENT = {"requirements": [{"id": "consent", "require": 'customer.city == "x"', "channels": ["email"]}]}


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        (CONSENT, "contact_unknown"),
        ({"caps": [{"id": "c", "per": "customer", "at_most": 0, "within": "7d"}]}, "cap_reached"),
        ({"cool_downs": [{"after": "declined", "per": "customer", "for": "90d"}]}, "cool_down"),
    ],
)
def test_whom_we_may_not_contact_gets_nothing_and_the_decision_says_why(contact: dict[str, Any], reason: str) -> None:
    log = Log(acting(MESSAGE, contact_policy=contact))
    log.step.ledger = Ledger((entry(outcomes={"presented": NOON_MS - HOUR, "declined": NOON_MS - HOUR}),))
    log.fold(purchase(10))
    assert log.actions == []
    (decided,) = decisions(log)
    assert {each.offer: each.reason for each in decided.left_out}["letter"] == reason


def test_caps_count_the_messages_of_one_fold() -> None:
    caps = {"caps": [{"id": "c", "per": "customer", "at_most": 1, "within": "7d"}]}
    log = Log(acting(MESSAGE, MESSAGE, contact_policy=caps))
    log.fold(purchase(10, id="a"))
    log.fold(purchase(10, NOON_MS + MINUTE, id="b"))
    assert len(log.actions) == 1
    assert len(decisions(log)) == 4


def test_a_message_is_reserved_for_as_long_as_it_may_be_sent() -> None:
    log = Log(acting({**MESSAGE, "for": "3d"}))
    log.fold(purchase(10))
    assert log.step.ledger.entries[0].until_ms == NOON_MS + 3 * DAY
    assert log.actions[0].expires == rfc3339(NOON_MS + 3 * DAY)


def test_a_late_event_is_judged_when_it_arrives() -> None:
    """A reservation that began two days ago would be over, and count for no cap."""
    caps = {"caps": [{"id": "c", "per": "customer", "at_most": 1, "within": "7d"}]}
    log = Log(acting(MESSAGE, contact_policy=caps))
    log.fold(purchase(10, NOON_MS - 2 * DAY, id="a"), NOON_MS)
    log.fold(purchase(10, NOON_MS, id="b"), NOON_MS)
    assert [each.at for each in log.actions] == [rfc3339(NOON_MS)]


def test_the_held_out_get_nothing_and_are_counted() -> None:
    cells = [
        {"id": "control", "share": 100, "holdout": True},
    ]
    campaigns = [
        {"id": "spring", "programs": [{"id": "gifts", "cells": [{**CELLS[0], "share": 1}, {**cells[0], "share": 99}]}]}
    ]
    policy = acting(MESSAGE, campaigns=campaigns)
    for number in range(20):
        log = Log(policy, f"customer:{number}")
        log.fold(purchase(10, subject=f"customer:{number}"))
        (decided,) = decisions(log)
        if decided.withheld:
            assert log.actions == []
            assert log.step.counts["2026-03-10|spring|gifts|control|letter|email|withheld"] == 1
            return
    pytest.fail("nobody was held out")


def test_a_message_after_a_while_does_not_see_the_event_as_if_it_happened_now() -> None:
    rules = [
        {
            "id": "later",
            "when": {"after": "purchase", "absent": "page_view", "within": "1h"},
            "propose": "letter",
            "act": [MESSAGE],
        },
        {"id": "now", "when": "purchase", "propose": "pen", "on": "email"},
    ]
    log = Log(live(**OUTBOUND, rules=rules))
    log.fold(purchase(10))
    log.look(NOON_MS + HOUR)
    (decided,) = decisions(log)
    assert [each.offer for each in decided.treatments] == ["letter"]
    assert "event.amount" not in decided.facts
    assert {each.offer for each in decided.left_out} == {"mug", "pen"}  # both are `always`
    assert len(log.actions) == 1


# in the commit, on a real Redis


@dataclass
class Source:
    current: LivePolicy | None


def log_record(event: Interaction, offset: int = 1) -> LogRecord:
    return LogRecord("interactions", offset, NOON_MS, event.id, event.subject, orjson.dumps(to_cloud_event(event)))


def folded(policy: LivePolicy, event: Interaction, salt: int = 0) -> Commit:
    return ProfileFold(policy, Counted())(Customer(ALICE), [log_record(event)], shard=3, salt=salt)


def test_the_same_event_makes_the_same_decision_whatever_the_salt() -> None:
    policy = acting(MESSAGE)
    one, two, salted = (folded(policy, purchase(10, id="p"), salt) for salt in (0, 0, 1))
    assert one == two
    assert [each.id for each in one.records] == [each.id for each in salted.records]
    assert one.new_keys[0].key == salted.new_keys[0].key
    assert one.new_keys[1].key != salted.new_keys[1].key


def test_what_cannot_be_folded_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("after the call list")

    monkeypatch.setattr("consumers.folding.actions.message", fail)
    commit = folded(acting({"call_list": "x"}, MESSAGE), purchase(10))
    assert [each.topic for each in commit.records] == ["dead-letters"]
    assert commit.profile == Profile(marks={OUTBOX.position: 1})
    assert not commit.counts


async def actions(redis: Redis, store: CustomerStore) -> list[Action]:
    found: list[Action] = []
    for shard in range(store.shards):
        entries: Any = await redis.xrange(keys.actions(shard))
        found += [Action.model_validate_json(fields[b"body"]) for _, fields in entries]
    return found


async def test_actions_decisions_and_codes_are_in_the_commit(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    loop = worker(policy=acting(MESSAGE, {"call_list": "x"}))
    await store.append([said(purchase(10))])
    await drained(loop)
    sent, _ = await actions(redis, store)
    shard = store.shard(ALICE)
    assert await redis.exists(keys.decision(shard, str(sent.decision)), keys.code(shard, str(sent.code))) == 2
    assert codes.shard_of(str(sent.code)) == shard
    customer = await store.read(ALICE)
    assert [(each.code, each.logged) for each in customer.ledger.entries] == [(sent.code, True)]
    counts = await store.counts()
    assert [amount for name, amount in counts.items() if name.endswith("|decisions")] == [1]
    assert (meter.counts["actions"], meter.counts["decisions"]) == (2, 1)


async def test_a_crash_between_apply_and_end_takes_no_action_twice(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    policy = acting(MESSAGE)
    await store.append([said(purchase(10))])
    await drained(worker("one", policy))
    await redis.hset(keys.guard(store.shard(ALICE)), OUTBOX.position, "0")
    await drained(worker("two", policy))
    assert len(await actions(redis, store)) == 1
    assert len((await store.read(ALICE)).ledger.entries) == 1


async def test_a_code_in_use_draws_another_one(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    policy, event, shard = acting(MESSAGE), purchase(10, id="p"), store.shard(ALICE)
    taken = ProfileFold(policy, meter)(Customer(ALICE), [log_record(event)], shard, salt=0)
    await redis.set(taken.new_keys[1].key, b"somebody else's")
    await store.append([said(event)])
    await drained(worker(policy=policy))
    (action,) = await actions(redis, store)
    assert keys.code(shard, str(action.code)) != taken.new_keys[1].key
    assert await redis.get(taken.new_keys[1].key) == b"somebody else's"
    found = await store.value(keys.decision(shard, str(action.decision)))
    assert found is not None
    assert DecisionRecord.model_validate_json(found).salt == 1
    assert [each.code for each in (await store.read(ALICE)).ledger.entries] == [action.code]


async def test_an_event_that_is_forgotten_and_comes_again_does_not_stop_the_shard(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    """Its decision and its code are there already, and stand for the same."""
    policy, event = acting(MESSAGE), purchase(10, id="p")
    await store.append([said(event)])
    await drained(worker(policy=policy))
    customer = await store.read(ALICE)
    forgetful = replace(customer.profile, seen="")
    await store.commit(Commit(ALICE, customer.version, profile=forgetful))
    await store.append([said(event), said(purchase(1, id="q"))])
    await drained(worker("two", policy))
    assert (await store.read(ALICE)).profile.recent[0][1] == "purchase"
    first, second = await actions(redis, store)
    assert (first.id, first.decision) == (second.id, second.decision)


async def test_old_actions_go_when_new_ones_come(redis: Redis, store: CustomerStore, worker: MakeWorker) -> None:
    shard = store.shard(ALICE)
    for number in range(300):  # Redis trims whole nodes of the stream
        await redis.xadd(keys.actions(shard), {"topic": ACTIONS, "body": "{}"}, id=f"1000-{number + 1}")
    await store.append([said(purchase(10))])
    await drained(worker(policy=acting({"call_list": "x"})))
    assert await redis.xlen(keys.actions(shard)) < 150
    newest: Any = await redis.xrevrange(keys.actions(shard), count=1)
    assert newest[0][1][b"topic"] == b"actions"


async def test_caps_hold_between_messages_and_those_who_ask_meanwhile(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    caps = {"caps": [{"id": "c", "per": "customer", "at_most": 1, "within": "7d"}]}
    policy = acting(MESSAGE, contact_policy=caps)
    people = [f"customer:{number}" for number in range(12)]
    deciding = Decisioning(store, Source(policy), NothingLearned(), meter, keep_ms=DAY)
    await store.append(said(purchase(10, subject=each, id=f"{each}-{n}")) for each in people for n in range(3))

    async def ask(subject: str) -> None:
        hero = Placement(placement="hero")
        request = DecisionRequest(customer=subject.partition(":")[2], channel="web", placements=(hero,))
        for _ in range(5):
            await deciding.decide(request, datetime.now(UTC))

    await asyncio.gather(drained(worker(policy=policy)), *(ask(each) for each in people))
    await drained(worker("two", policy))
    made = [len((await store.read(each)).ledger.entries) for each in people]
    assert made == [1] * len(people)
    assert len(await actions(redis, store)) <= len(people)


async def test_the_time_of_a_decision_is_when_the_log_took_the_event(
    redis: Redis, store: CustomerStore, worker: MakeWorker
) -> None:
    await store.append([said(purchase(10, NOON_MS))])
    await drained(worker(policy=acting(MESSAGE)))
    (action,) = await actions(redis, store)
    now_ms = at_ms(datetime.now(UTC))
    assert now_ms - MINUTE < at_ms(datetime.fromisoformat(action.at)) <= now_ms
