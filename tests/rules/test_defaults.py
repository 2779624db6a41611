"""Defaults: for placements that stay empty, the same for everybody, nothing in the ledger."""

from typing import Any

from profiles.ledger import entries_of
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from rules.defaults import filled
from rules.replay import differences, replayed
from schemas.decision import DecisionRecord, Facts
from schemas.ledger import Ledger
from tests.builders import CATALOGUE, NOON_MS, live

HELLO = {
    "id": "hello",
    "name": "Hello",
    "treatments": [
        {"id": "personal", "channel": "web", "placement": "hero", "priority": 9, "content": {"t": "{customer.city}?"}},
        {"id": "english", "channel": "web", "placement": "hero", "content": {"t": "Hello"}},
        {"id": "german", "channel": "web", "placement": "hero", "language": "de", "content": {"t": "Hallo"}},
    ],
}
POLICY = live(
    policy={"name": "shop", "customer_language": "city"},
    offers=[*CATALOGUE["offers"], HELLO],
    placements={"hero": {"default": "hello"}},
)


def decided(cell: str, *placements: str, **values: Any) -> DecisionRecord:
    asked = tuple((each, 1) for each in placements or ("hero",))
    facts = Facts("customer:alice", "web", asked, values, Ledger(cells={"spring/gifts": [{cell: [1, 1]}]}))
    judgement = decide(facts, POLICY.ruleset, NothingLearned(), NOON_MS, 1)
    made = record(judgement, facts, Origin("0003-x", NOON_MS, 3, 1, 0, POLICY.revision, "none"))
    read_back = DecisionRecord.model_validate_json(made.model_dump_json(exclude_none=True))
    assert differences(read_back, replayed(read_back, POLICY.ruleset, NothingLearned())) == ()
    return read_back


def test_where_an_offer_is_chosen_there_is_none() -> None:
    assert decided("all").defaults == ()


def test_who_is_held_out_sees_it_and_it_counts_nowhere() -> None:
    made = decided("control", "hero", "elsewhere")
    (shown,) = made.defaults
    assert (shown.placement, shown.offer, shown.treatment, shown.content) == (
        "hero",
        "hello",
        "english",
        {"t": "Hello"},
    )
    assert [each.offer for each in entries_of(made, NOON_MS, POLICY.definition)] == ["mug"]  # withheld


def test_it_comes_in_the_language_of_the_customer_where_that_is_known() -> None:
    (shown,) = decided("control", **{"customer.city": "de"}).defaults
    assert shown.content == {"t": "Hallo"}


def test_there_is_none_on_another_channel() -> None:
    assert filled(POLICY.ruleset.defaults, "call", ["hero"]) == ()
    assert [each.content for each in filled(POLICY.ruleset.defaults, "web", ["hero"])] == [{"t": "Hello"}]
