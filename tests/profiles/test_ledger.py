"""The ledger as a fold: repeated, late and out-of-order outcomes; reservations; counts that agree."""

import pytest
from msgspec.structs import replace

from profiles.ledger import MOST_ENTRIES, UnknownCode, answered, fold_response, implied, proposed, reserved, tidied
from schemas.ledger import Ledger, Proposal
from schemas.response import ResponseRecord
from tests.builders import DAY, NOON_MS, definition, entry

SHOP = definition()


def response(outcome: str, amount: int = 0) -> ResponseRecord:
    return ResponseRecord(
        code=entry().code,
        decision="0000-x",
        outcome=outcome,
        outcomes=implied(outcome, SHOP.outcomes),
        at_ms=NOON_MS,
        amount=amount,
    )


def columns(counts: dict[str, int]) -> dict[str, int]:
    return {name.rpartition("|")[2]: amount for name, amount in counts.items()}


def test_an_acceptance_implies_that_it_was_presented() -> None:
    ledger, counts = fold_response(Ledger((entry(),)), response("accepted", amount=125_000))
    assert ledger.entries[0].outcomes == {"presented": NOON_MS, "accepted": NOON_MS}
    assert columns(counts) == {
        "outcome:presented": 1,
        "outcome:accepted": 1,
        "presented": 1,
        "positive": 1,
        "amount": 125_000,
    }


def test_repeating_an_outcome_changes_nothing() -> None:
    once, _ = fold_response(Ledger((entry(),)), response("declined"))
    twice, counts = fold_response(once, response("declined"))
    assert twice is once
    assert not counts


def test_presented_counts_once_whichever_outcome_comes_first() -> None:
    shown, first = fold_response(Ledger((entry(),)), response("presented"))
    _, second = fold_response(shown, response("accepted"))
    assert (first + second)[next(name for name in first if name.endswith("|presented"))] == 1


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(UnknownCode):
        fold_response(Ledger(), response("accepted"))


def test_implied_outcomes_come_first_and_cycles_end() -> None:
    pairs = zip("ab", SHOP.outcomes.values(), strict=False)
    cycle = {name: each.model_copy(update={"implies": ("b",)}) for name, each in pairs}
    assert implied("accepted", SHOP.outcomes) == {"presented": "impression", "accepted": "positive"}
    assert set(implied("a", cycle)) == {"a", "b"}


def test_an_outcome_is_known_at_once_and_counted_when_the_log_confirms_it() -> None:
    told = answered(Ledger((entry(),)), response("declined"))
    assert told.entries[0].known_outcomes().keys() == {"presented", "declined"}
    assert answered(told, response("declined")) is told
    folded, counts = fold_response(told, response("declined"))
    assert folded.entries[0].said == {}
    assert columns(counts)["outcome:declined"] == 1


def test_counts_stand_on_the_day_of_the_decision() -> None:
    _, counts = fold_response(Ledger((entry(at_ms=NOON_MS - 3 * DAY),)), response("accepted"))
    assert {name.partition("|")[0] for name in counts} == {"2026-03-07"}


def test_an_amount_that_comes_after_its_outcome_is_counted_once() -> None:
    once, _ = fold_response(Ledger((entry(),)), response("accepted"))
    twice, counts = fold_response(once, response("accepted", amount=5))
    assert columns(counts) == {"amount": 5}
    assert fold_response(twice, response("accepted", amount=7)) == (twice, {})


def test_what_a_full_ledger_forgets_is_written_down() -> None:
    entries = [entry(code=str(n), at_ms=NOON_MS - DAY + n) for n in range(MOST_ENTRIES + 3)]
    kept = reserved(Ledger(), entries, NOON_MS, SHOP)
    assert len(kept.entries) == MOST_ENTRIES
    assert kept.forgotten_ms == NOON_MS - DAY + 2


def test_entries_are_forgotten_when_the_policy_says_so() -> None:
    ledger = Ledger((entry(at_ms=NOON_MS - 401 * DAY), entry()))
    assert tidied(ledger, NOON_MS, SHOP).entries == (entry(),)


def test_a_newer_proposal_of_a_rule_replaces_its_older_one() -> None:
    old = Proposal("rescue", ("mug",), ("web",), 1.5, NOON_MS + DAY)
    new = replace(old, until_ms=NOON_MS + 2 * DAY)
    over = Proposal("gone", ("pen",), (), 1.0, NOON_MS - 1)
    assert proposed(Ledger(proposals=(over, old)), [new], NOON_MS).proposals == (new,)


def test_a_ledger_survives_its_form_in_redis() -> None:
    ledger = Ledger((entry(outcomes={"accepted": 1}), entry(transactional=True)), (Proposal("r", ("o",), (), 1.0, 5),))
    assert Ledger.from_json(ledger.as_json()) == ledger
