"""A goal that is met by an offer that was handed over from one channel to another: one acceptance, where it began."""

from collections import Counter
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.timers import interaction_of
from profiles.customer import Customer
from profiles.profile import Profile
from schemas.interaction import to_cloud_event
from schemas.ledger import Ledger, LedgerEntry
from schemas.response import ResponseRecord
from tests.builders import CATALOGUE, HOUR, MINUTE, NOON_MS, entry, live, purchase
from tests.consumers.conftest import Counted

ADA = "customer:ada"
WORDED = [{"id": f"mug-{c}", "channel": c, "placement": "main", "content": {"t": "x"}} for c in ("call", "web")]
GOAL = {"when": "purchase", "within": "20d", "outcome": "accepted", "amount": "event.amount"}
TAKES = {"offer:mug": {"amount": 1, "confirm": "positive", "hold_ms": HOUR}}
MODELS = [{"model": "last"}, {"model": "first"}, {"model": "weighted"}, {"model": "weighted", "half_life": "1h"}]


def policy(**attribution: Any) -> LivePolicy:
    return live(
        attribution=attribution,
        outcomes={
            "presented": {"class": "impression"},
            "link_sent": {"class": "neutral", "implies": ["presented"], "hand_over": {"to": "web", "for": "48h"}},
            "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
            "no_response": {"class": "neutral", "after": {"call": "1h", "web": "1h"}},
        },
        offers=[{**CATALOGUE["offers"][0], "treatments": WORDED, "goal": GOAL, "inventory": 5}],
        campaigns=[
            {"id": "spring", "programs": [{"id": "gifts", "cells": [{"id": "all", "share": 100, "offers": ["mug"]}]}]}
        ],
    )


def shown(code: str, channel: str, at_ms: int, **more: Any) -> LedgerEntry:
    outcomes = {"presented": at_ms, **more.pop("outcomes", {})}
    return entry(code=code, channel=channel, at_ms=at_ms, logged=True, presented=True, outcomes=outcomes, **more)


PHONE = shown("phone", "call", NOON_MS - 3 * HOUR, outcomes={"link_sent": NOON_MS - 3 * HOUR})
WEB = shown("web", "web", NOON_MS - 2 * HOUR, continues="phone", same_contact=True)
OTHER = shown("other", "web", NOON_MS - 150 * MINUTE)


def bought(amount: float = 20.0) -> LogRecord:
    event = purchase(amount, NOON_MS)
    return LogRecord("interactions", 10, NOON_MS, event.identity, ADA, orjson.dumps(to_cloud_event(event)))


def accepted(code: str) -> LogRecord:
    said = ResponseRecord(
        code=code,
        decision="0000-x",
        outcome="accepted",
        outcomes={"presented": "impression", "accepted": "positive"},
        at_ms=NOON_MS + 1,
        amount=200_000,
    )
    return LogRecord("responses", 11, NOON_MS + 1, f"{code}/accepted", ADA, orjson.dumps(said.model_dump()))


def timer(name: str, due_ms: int) -> LogRecord:
    fired = interaction_of(ADA, name, due_ms)
    return LogRecord("interactions", 12, due_ms, fired.identity, ADA, orjson.dumps(to_cloud_event(fired)))


def folded(known: LivePolicy, entries: tuple[LedgerEntry, ...], *records: LogRecord) -> tuple[Ledger, Counter[str]]:
    commit = ProfileFold(known, Counted())(Customer(ADA, "1-x", Profile(), Ledger(entries)), list(records))
    assert commit.ledger is not None
    counts: Counter[str] = Counter()
    for name, amount in commit.counts.items():
        _, _, _, _, _, channel, column = name.split("|") if name.count("|") == 6 else [""] * 7
        if channel:
            counts[f"{channel} {column}"] += amount
    return commit.ledger, +counts


@pytest.mark.parametrize("how", MODELS, ids=str)
def test_it_is_counted_once_where_the_proposal_began(how: dict[str, Any]) -> None:
    ledger, counts = folded(policy(**how), (PHONE, WEB), bought())
    found = {name: counts[name] for name in counts if not name.endswith("presented")}
    assert found == {
        "call positive": 1,
        "call outcome:accepted": 1,
        "call attributed": 10_000,
        "call amount": 200_000,
        "call converted": 1,
    }
    assert [each.code for each in ledger.entries if each.inferred and each.inferred.credits] == ["phone"]


def test_beside_another_offer_it_has_one_share() -> None:
    _, counts = folded(policy(model="weighted"), (PHONE, OTHER, WEB), bought())
    assert (counts["call attributed"], counts["web attributed"]) == (5_000, 5_000)


def test_the_latest_contact_of_the_proposal_is_what_makes_it_the_last() -> None:
    """The web went on after another offer was shown."""
    _, counts = folded(policy(model="last"), (PHONE, OTHER, WEB), bought())
    assert (counts["call attributed"], counts["web attributed"]) == (10_000, 0)


def test_what_began_in_a_ledger_that_is_not_here_is_credited_where_it_went_on() -> None:
    _, counts = folded(policy(), (WEB,), bought())
    assert (counts["call positive"], counts["web positive"]) == (0, 1)


@pytest.mark.parametrize("code", ["phone", "web"])
@pytest.mark.parametrize("goal_first", [True, False])
def test_an_answer_to_either_code_is_the_same_acceptance(code: str, goal_first: bool) -> None:
    records = (bought(), accepted(code)) if goal_first else (accepted(code), bought())
    _, counts = folded(policy(), (PHONE, WEB), *records)
    assert (counts["call positive"], counts["web positive"]) == (1, 0)
    assert (counts["call amount"], counts["web amount"]) == (200_000, 0)
    assert (counts["call outcome:accepted"], counts["web outcome:accepted"]) == (1, 0)


@pytest.mark.parametrize("how", MODELS, ids=str)
def test_the_silence_of_all_its_treatments_is_withdrawn(how: dict[str, Any]) -> None:
    silent = {"no_response": NOON_MS - HOUR}
    entries = (
        shown("phone", "call", NOON_MS - 3 * HOUR, outcomes=silent, unanswered=silent),
        shown("web", "web", NOON_MS - 2 * HOUR, continues="phone", outcomes=silent, unanswered=silent),
    )
    known = policy(**how)
    commit = ProfileFold(known, Counted())(Customer(ADA, "1-x", Profile(), Ledger(entries)), [bought()])
    withdrawn = {name.split("|")[5]: n for name, n in commit.counts.items() if name.endswith("outcome:no_response")}
    assert withdrawn == {"call": -1, "web": -1}
    assert commit.ledger is not None
    assert all("no_response" not in each.known_outcomes() for each in commit.ledger.entries)
    again = ProfileFold(known, Counted())(Customer(ADA, "1-y", commit.profile or Profile(), commit.ledger), [bought()])
    assert not any(name.endswith("no_response") for name in again.counts)


def test_a_silence_that_comes_after_the_goal_was_met_is_none() -> None:
    due = {"phone": NOON_MS + HOUR, "web": NOON_MS + 2 * HOUR}
    entries = tuple(replace(each, awaits_ms=due[each.code]) for each in (PHONE, WEB))
    timers = [timer(f"no_response:{code}", at_ms) for code, at_ms in due.items()]
    ledger, counts = folded(policy(), entries, bought(), *timers)
    assert not any(name.endswith("no_response") for name in counts)
    assert all("no_response" not in each.known_outcomes() for each in ledger.entries)


def test_the_stock_is_used_once_where_it_was_held_last() -> None:
    entries = (
        shown("phone", "call", NOON_MS - 3 * HOUR, takes=TAKES),
        shown("web", "web", NOON_MS - 2 * HOUR, continues="phone", takes=TAKES),
    )
    commit = ProfileFold(policy(), Counted())(Customer(ADA, "1-x", Profile(), Ledger(entries)), [bought()])
    assert [(each.act, each.code) for each in commit.moves] == [("free", "phone"), ("use", "web")]
