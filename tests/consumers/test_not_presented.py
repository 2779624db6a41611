"""What was decided on a call and never presented: it happens by itself when the call ends, once."""

from typing import Any

import orjson
import pytest

from consumers.folding import ProfileFold
from consumers.log import LogRecord
from profiles.customer import Customer
from profiles.holds import Act
from profiles.profile import Profile
from profiles.store import Commit
from rules.policy import check
from schemas.interaction import Interaction, to_cloud_event
from schemas.ledger import Ledger, LedgerEntry
from schemas.response import ResponseRecord
from tests.builders import HOUR, MINUTE, NOON_MS, SHOP, definition, entry, interaction, live
from tests.consumers.conftest import Counted
from tests.consumers.story import fired

OUTCOMES = {**SHOP["outcomes"], "not_presented": {"class": "neutral", "after": {"call": "session_end", "web": "1h"}}}
KNOWN = live(
    interactions={**SHOP["interactions"], "call_ended": {"channel": "call"}},
    outcomes=OUTCOMES,
    session={"idle": "30m", "ends": "call_ended"},
)
ALICE = "customer:alice"
TAKES: Any = {"offer:mug": {"amount": 1, "confirm": "positive", "hold_ms": HOUR}}
BEGUN = interaction("call_started", NOON_MS, channel="call", id="a")
ENDED = interaction("call_ended", NOON_MS + 5 * MINUTE, channel="call", id="b")


def decided(code: str = "AAAA", **over: Any) -> LedgerEntry:
    at_ms = over.pop("at_ms", NOON_MS + MINUTE)
    return entry(code=code, channel="call", at_ms=at_ms, until_ms=at_ms + 30 * MINUTE, takes=TAKES, **over)


def folded(entries: tuple[LedgerEntry, ...], *events: Interaction, then: tuple[LogRecord, ...] = ()) -> Commit:
    records = [
        LogRecord("interactions", at + 1, each.at_ms, each.identity, ALICE, orjson.dumps(to_cloud_event(each)))
        for at, each in enumerate(events)
    ]
    return ProfileFold(KNOWN, Counted())(Customer(ALICE, "1-x", Profile(), Ledger(entries)), [*records, *then])


def said(outcome: str, kind: str) -> tuple[LogRecord, ...]:
    """Heard of after the call."""
    names: Any = {"presented": "impression", outcome: kind}
    body = ResponseRecord(code="AAAA", decision="", outcome=outcome, outcomes=names, at_ms=NOON_MS + 2 * MINUTE)
    return (LogRecord("responses", 10, NOON_MS + HOUR, "x", ALICE, orjson.dumps(body.model_dump())),)


def happened(commit: Commit) -> int:
    return sum(amount for name, amount in commit.counts.items() if name.endswith("|outcome:not_presented"))


def only(commit: Commit) -> LedgerEntry:
    assert commit.ledger is not None
    (found,) = commit.ledger.entries
    return found


def test_it_happens_when_the_call_ends_and_frees_what_was_reserved() -> None:
    commit = folded((decided(),), BEGUN, ENDED)
    found = only(commit)
    assert found.outcomes == found.unanswered == {"not_presented": ENDED.at_ms}
    assert found.until_ms == ENDED.at_ms
    assert [(each.act, each.code) for each in commit.moves] == [(Act.FREE, "AAAA")]
    assert happened(commit) == 1


def test_where_idle_time_ends_the_call_what_came_after_the_last_interaction_is_of_it() -> None:
    due_ms = NOON_MS + 30 * MINUTE
    found = only(folded((decided(),), BEGUN, fired("session:call", due_ms)))
    assert found.outcomes == {"not_presented": NOON_MS + MINUTE}


@pytest.mark.parametrize(
    "left",
    [
        decided(presented=True, outcomes={"presented": NOON_MS}),
        decided(said={"presented": NOON_MS}),
        decided(outcomes={"declined": NOON_MS}),
        decided(withheld=True),
        decided(at_ms=ENDED.at_ms + 1),
        decided(at_ms=NOON_MS - HOUR),
        decided(logged=False),
        entry(code="AAAA", channel="web", at_ms=NOON_MS + MINUTE),
    ],
    ids=["presented", "said", "answered", "withheld", "after", "before", "not-logged", "elsewhere"],
)
def test_it_does_not_happen_to_what(left: LedgerEntry) -> None:
    commit = folded((left,), BEGUN, ENDED)
    assert happened(commit) == 0
    assert commit.ledger is None or only(commit) == left
    assert commit.moves == () or commit.moves == []


def test_two_calls_end_once_each() -> None:
    again = [interaction(each.type, each.at_ms + HOUR, channel="call", id=f"{each.id}2") for each in (BEGUN, ENDED)]
    commit = folded((decided(), decided("BBBB", at_ms=NOON_MS + HOUR + MINUTE)), BEGUN, ENDED, ENDED, *again)
    assert happened(commit) == 2
    assert commit.ledger is not None
    assert [each.unanswered["not_presented"] for each in commit.ledger.entries] == [ENDED.at_ms, ENDED.at_ms + HOUR]


@pytest.mark.parametrize(("outcome", "kind"), [("accepted", "positive"), ("presented", "impression")])
def test_what_is_heard_of_later_withdraws_it(outcome: str, kind: str) -> None:
    commit = folded((decided(),), BEGUN, ENDED, then=said(outcome, kind))
    found = only(commit)
    assert (found.unanswered, happened(commit)) == ({}, 0)
    assert found.outcomes == dict.fromkeys(("presented", outcome), NOON_MS + 2 * MINUTE)


def test_the_end_of_a_visit_and_a_time_stand_side_by_side() -> None:
    known = definition(outcomes=OUTCOMES)
    assert known.not_presented == {"call": "not_presented"}
    assert known.no_response == {"web": ("not_presented", HOUR)}


@pytest.mark.parametrize("wrong", ["session_ended", "0m", "3x"])
def test_anything_else_is_a_mistake_that_says_what_may_stand_there(wrong: str) -> None:
    text = f"policy: {{name: x}}\noutcomes: {{n: {{class: neutral, after: {{call: {wrong}}}}}}}\n"
    (found,) = [each for each in check({"p.yaml": text}).findings if "session_end`" in str(each)]
    assert found.severity == "error"
    assert found.position.line == 2
