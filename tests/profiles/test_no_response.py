"""No response: an outcome that happens by itself, once, and is withdrawn by a late yes."""

from msgspec.structs import replace

from profiles.ledger import Counts, fold_decision, fold_response, implied
from profiles.no_response import answered, awaited, fired, timer_of
from schemas.base import rfc3339
from schemas.decision import ChosenTreatment, DecisionRecord
from schemas.ledger import Ledger, LedgerEntry
from schemas.response import ResponseRecord
from tests.builders import HOUR, MINUTE, NOON_MS, SHOP, definition

OUTCOMES = {
    **SHOP["outcomes"],
    "complained": {"class": "neutral", "ends": True},
    "clicked": {"class": "neutral"},
    "no_response": {"class": "neutral", "after": {"web": "30m", "email": "3d"}},
}
POLICY = definition(outcomes=OUTCOMES)
CODE = "000AAAAAAAA0"
DUE = NOON_MS + 30 * MINUTE


def decision(channel: str = "web") -> DecisionRecord:
    chosen = ChosenTreatment(
        code=CODE, placement="hero", rank=1, campaign="c", program="p", cell="all", offer="mug", offer_name="A mug",
        kind="standard", treatment="t", language="en", content={}, score=1.0, factors={},
    )  # fmt: skip
    return DecisionRecord(
        decision="0000-x", at=rfc3339(NOON_MS), customer="alice", channel=channel, policy="p", model="none",
        candidates=1, treatments=(chosen,), left_out=(), seed=1, salt=0, placements=(), facts={}, ledger={},
    )  # fmt: skip


def decided(channel: str = "web", before: Ledger = Ledger()) -> tuple[Ledger, dict[str, int | None]]:  # noqa: B008
    folded, _ = fold_decision(before, decision(channel), NOON_MS, POLICY)
    return awaited(before, folded, POLICY)


def responded(
    ledger: Ledger, outcome: str, at_ms: int = NOON_MS + MINUTE
) -> tuple[Ledger, Counts, dict[str, int | None]]:
    names = implied(outcome, POLICY.outcomes)
    said = ResponseRecord(code=CODE, decision="0000-x", outcome=outcome, outcomes=names, at_ms=at_ms)
    folded, counts = fold_response(ledger, said)
    ledger, withdrawn, timers = answered(folded, CODE, POLICY)
    counts.update(withdrawn)
    return ledger, counts, timers


def column(counts: Counts, name: str) -> int:
    return sum(amount for key, amount in counts.items() if key.endswith(f"|{name}"))


def entry(ledger: Ledger) -> LedgerEntry:
    (found,) = Ledger.from_json(ledger.as_json()).entries
    assert found == ledger.entries[0]
    return found


def test_a_decision_awaits_an_answer_for_as_long_as_its_channel_says() -> None:
    assert decided("web")[1] == {timer_of(CODE): DUE}
    assert decided("email")[1] == {timer_of(CODE): NOON_MS + 72 * HOUR}
    ledger, timers = decided("call")
    assert (timers, entry(ledger).awaits_ms) == ({}, 0)


def test_a_decision_that_is_folded_again_sets_nothing() -> None:
    ledger, _ = decided()
    assert decided(before=ledger) == (ledger, {})


def test_no_answer_happens_once() -> None:
    ledger, _ = decided()
    ledger, counts = fired(ledger, CODE, DUE, POLICY)
    assert entry(ledger).outcomes == {"no_response": DUE}
    assert dict(counts) == {"2026-03-10|c|p|all|mug|web|outcome:no_response": 1}
    assert fired(ledger, CODE, DUE, POLICY) == (ledger, {})


def test_a_yes_a_no_and_what_ends_the_matter_cancel() -> None:
    for outcome in ("accepted", "declined", "complained"):
        ledger, _, timers = responded(decided()[0], outcome)
        assert timers == {timer_of(CODE): None}, outcome
        assert fired(ledger, CODE, DUE, POLICY) == (ledger, {})


def test_other_outcomes_do_not() -> None:
    for outcome in ("presented", "clicked"):
        ledger, _, timers = responded(decided()[0], outcome)
        assert timers == {}
        ledger, counts = fired(ledger, CODE, DUE, POLICY)
        assert column(counts, "outcome:no_response") == 1, outcome


def test_an_answer_that_the_log_has_not_confirmed_is_known() -> None:
    ledger, _ = decided()
    said = Ledger((replace(ledger.entries[0], said={"accepted": NOON_MS}),))
    ledger, counts = fired(said, CODE, DUE, POLICY)
    assert (entry(ledger).outcomes, counts) == ({}, {})


def test_a_late_yes_withdraws_it() -> None:
    for outcome in ("accepted", "complained"):
        ledger, once = fired(decided()[0], CODE, DUE, POLICY)
        ledger, counts, _ = responded(ledger, outcome, NOON_MS + HOUR)
        assert "no_response" not in entry(ledger).outcomes, outcome
        assert column(once + Counts(), "outcome:no_response") + column(counts, "outcome:no_response") == 0
        again, counts, _ = responded(ledger, outcome, NOON_MS + HOUR)
        assert (again, counts) == (ledger, {})


def test_a_late_click_does_not() -> None:
    ledger, _ = fired(decided()[0], CODE, DUE, POLICY)
    ledger, counts, _ = responded(ledger, "clicked", NOON_MS + HOUR)
    assert column(counts, "outcome:no_response") == 0
    assert "no_response" in entry(ledger).outcomes


def test_what_a_client_said_itself_is_not_said_again_nor_withdrawn() -> None:
    ledger, counts, _ = responded(decided()[0], "no_response")
    assert column(counts, "outcome:no_response") == 1
    ledger, counts = fired(ledger, CODE, DUE, POLICY)
    assert counts == {}
    ledger, counts, _ = responded(ledger, "accepted")
    assert column(counts, "outcome:no_response") == 0


def test_a_timer_of_another_time_or_of_nobody_does_nothing() -> None:
    ledger, _ = decided()
    assert fired(ledger, CODE, DUE + 1, POLICY) == (ledger, {})
    assert fired(Ledger(), CODE, DUE, POLICY) == (Ledger(), {})
    other = definition()
    ledger, counts = fired(ledger, CODE, DUE, other)
    assert (entry(ledger).awaits_ms, counts) == (0, {})
