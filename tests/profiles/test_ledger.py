"""The ledger as a fold: repeated, late and out-of-order outcomes; reservations; counts that agree."""

from dataclasses import replace

import pytest

from profiles.ledger import UnknownCode, fold_response, implied, proposed, reserved, tidied
from schemas.ledger import Ledger, Proposal
from schemas.response import ResponseRecord
from tests.builders import DAY, MINUTE, NOON_MS, definition, entry

SHOP = definition()


def response(outcome: str, amount: int = 0) -> ResponseRecord:
    return ResponseRecord(code=entry().code, decision="0000-x", outcome=outcome, at_ms=NOON_MS, amount=amount)


def columns(counts: dict[str, int]) -> dict[str, int]:
    return {name.rpartition("|")[2]: amount for name, amount in counts.items()}


def test_an_acceptance_implies_that_it_was_presented() -> None:
    ledger, counts = fold_response(Ledger((entry(),)), response("accepted", amount=125_000), SHOP.outcomes)
    assert ledger.entries[0].outcomes == {"presented": NOON_MS, "accepted": NOON_MS}
    assert columns(counts) == {
        "outcome:presented": 1,
        "outcome:accepted": 1,
        "presented": 1,
        "positive": 1,
        "amount": 125_000,
    }


def test_repeating_an_outcome_changes_nothing() -> None:
    once, _ = fold_response(Ledger((entry(),)), response("declined"), SHOP.outcomes)
    twice, counts = fold_response(once, response("declined"), SHOP.outcomes)
    assert twice is once
    assert not counts


def test_presented_counts_once_whichever_outcome_comes_first() -> None:
    shown, first = fold_response(Ledger((entry(),)), response("presented"), SHOP.outcomes)
    _, second = fold_response(shown, response("accepted"), SHOP.outcomes)
    assert (first + second)[next(name for name in first if name.endswith("|presented"))] == 1


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(UnknownCode):
        fold_response(Ledger(), response("accepted"), SHOP.outcomes)


def test_implied_outcomes_come_first_and_cycles_end() -> None:
    cycle = {
        name: each.model_copy(update={"implies": ("b",)})
        for name, each in zip("ab", SHOP.outcomes.values(), strict=False)
    }
    assert implied("accepted", SHOP.outcomes) == ["presented", "accepted"]
    assert set(implied("a", cycle)) == {"a", "b"}


def test_an_unconfirmed_reservation_expires_and_a_logged_entry_stays() -> None:
    fresh = replace(entry(at_ms=NOON_MS, until_ms=NOON_MS + 30 * MINUTE), logged=False, code="fresh")
    ledger = reserved(Ledger((entry(),)), [fresh], NOON_MS, SHOP)
    assert [each.code for each in tidied(ledger, NOON_MS + 29 * MINUTE, SHOP).entries] == [entry().code, "fresh"]
    assert [each.code for each in tidied(ledger, NOON_MS + 31 * MINUTE, SHOP).entries] == [entry().code]


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
