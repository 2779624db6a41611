"""The funnel: each candidate chosen or left out for one reason, in the declared order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.live import LivePolicy
from rules.arbitration import NothingLearned
from rules.cells import assign, shares_of
from rules.decide import Judgement, decide
from rules.reasons import Reason
from schemas.catalogue import Cell
from schemas.decision import Facts
from schemas.ledger import Ledger, LedgerEntry, Proposal
from tests.builders import CATALOGUE, DAY, HOUR, MINUTE, NOON_MS, changed, entry, live

TREATED = {"gifts": "all"}


def judge(
    policy: LivePolicy,
    entries: Sequence[LedgerEntry] = (),
    proposals: Sequence[Proposal] = (),
    placements: tuple[tuple[str, int], ...] = (("hero", 1),),
    cells: dict[str, str] = TREATED,
    seed: int = 1,
    **values: Any,
) -> Judgement:
    ledger = Ledger(tuple(entries), tuple(proposals))
    named = {name.replace("__", "."): value for name, value in values.items()}
    facts = Facts("customer:alice", "web", placements, named, ledger, cells)
    return decide(facts, policy.ruleset, NothingLearned(), NOON_MS, seed)


def chosen(judgement: Judgement) -> list[str]:
    return [each.scored.candidate.offer.id for each in judgement.choices]


def reasons(judgement: Judgement) -> dict[str, str]:
    return {each.candidate.offer.id: each.reason.value for each in judgement.left_out}


def test_the_most_valuable_offer_wins_the_slot() -> None:
    judgement = judge(live())
    assert chosen(judgement) == ["mug"]
    assert reasons(judgement) == {"pen": "outranked"}
    assert judgement.choices[0].scored.factors == {
        "propensity": 1.0,
        "value": 10.0,
        "context": 1.0,
        "levers": 1.0,
    }


def test_two_slots_are_ranked() -> None:
    judgement = judge(live(), placements=(("hero", 2),))
    assert chosen(judgement) == ["mug", "pen"]
    assert [each.rank for each in judgement.choices] == [1, 2]


def test_a_lever_changes_the_winner() -> None:
    assert chosen(judge(live(offers=changed("pen", lever=150)))) == ["pen"]


@pytest.mark.parametrize(
    ("over", "values", "reason"),
    [
        ({"eligible": "customer.age >= 18"}, {"customer__age": 17}, "not_eligible"),
        ({"eligible": "customer.age >= 18"}, {}, "eligibility_unknown"),
        ({"applicable": "customer.age >= 18"}, {"customer__age": 17}, "not_applicable"),
        ({"applicable": "customer.age >= 18"}, {}, "applicability_unknown"),
        ({"suitable": "customer.age >= 18"}, {"customer__age": 17}, "not_suitable"),
        ({"suitable": "customer.age >= 18"}, {}, "suitability_unknown"),
        ({"eligible": "offer.value < 5.0"}, {}, "not_eligible"),
        ({"eligible": "false", "suitable": "false"}, {}, "not_eligible"),
        ({"eligible": "customer.age > 1", "suitable": "false"}, {}, "eligibility_unknown"),
    ],
)
def test_the_first_stage_that_fails_is_the_reason(over: dict[str, Any], values: dict[str, Any], reason: str) -> None:
    judgement = judge(live(offers=changed("mug", **over)), **values)
    assert reasons(judgement) == {"mug": reason}
    assert chosen(judgement) == ["pen"]


def test_conditions_are_inherited_from_campaign_program_and_cell() -> None:
    for level in range(3):
        (campaign,) = CATALOGUE["campaigns"]
        (program,) = campaign["programs"]
        cells = [dict(each) for each in program["cells"]]
        parts: list[dict[str, Any]] = [dict(campaign), dict(program), cells[0]]
        parts[level]["eligible"] = "customer.age >= 18"
        parts[1]["cells"] = cells
        parts[0]["programs"] = [parts[1]]
        judgement = judge(live(campaigns=[parts[0]]), customer__age=17)
        assert reasons(judgement) == {"mug": "not_eligible", "pen": "not_eligible"}


def test_a_false_condition_decides_beside_one_that_is_unknown() -> None:
    (campaign,) = CATALOGUE["campaigns"]
    policy = live(campaigns=[{**campaign, "eligible": "customer.age > 18"}], offers=changed("mug", eligible="1 > 2"))
    assert reasons(judge(policy))["mug"] == "not_eligible"


def test_dates_are_days_of_the_policys_time_zone() -> None:
    (campaign,) = CATALOGUE["campaigns"]
    today = {**campaign, "starts": "2026-03-10", "ends": "2026-03-10"}
    assert chosen(judge(live(campaigns=[today]))) == ["mug"]
    over = {**campaign, "ends": "2026-03-09"}
    assert reasons(judge(live(campaigns=[over]))) == {"mug": "not_live", "pen": "not_live"}


def test_an_offer_not_worded_for_the_placement() -> None:
    judgement = judge(live(), placements=(("footer", 1),))
    assert set(reasons(judgement).values()) == {"no_treatment"}


def test_a_holdout_withholds_what_would_have_won_and_nothing_else() -> None:
    judgement = judge(live(), cells={"gifts": "control"})
    assert chosen(judgement) == []
    assert reasons(judgement) == {"mug": "held_out", "pen": "held_out"}
    assert [each.candidate.offer.id for each in judgement.held_back] == ["mug"]


def test_the_offer_of_another_cell() -> None:
    cells = [
        {"id": "a", "share": 50, "offers": ["mug"]},
        {"id": "b", "share": 50, "offers": ["pen"]},
    ]
    policy = live(campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}])
    judgement = judge(policy, cells={"gifts": "b"})
    assert chosen(judgement) == ["pen"]
    assert reasons(judgement) == {"mug": "other_cell"}


def test_an_offer_of_two_programs_is_made_once() -> None:
    programs = [
        {"id": name, "lever": lever, "cells": [{"id": "all", "share": 100, "offers": ["mug", "pen"]}]}
        for name, lever in (("one", 0), ("two", 50))
    ]
    judgement = judge(live(campaigns=[{"id": "spring", "programs": programs}]), placements=(("hero", 3),), cells={})
    assert chosen(judgement) == ["mug", "pen"]
    assert [each.reason for each in judgement.left_out] == [Reason.DUPLICATE_OFFER] * 2
    assert judgement.choices[0].scored.candidate.program.id == "two"


def contact(**policy: Any) -> LivePolicy:
    return live(contact_policy=policy)


def test_a_cap_counts_what_was_presented_and_what_may_still_be() -> None:
    policy = contact(caps=[{"id": "once", "per": "offer", "at_most": 1, "within": "7d"}])
    presented = entry(outcomes={"presented": NOON_MS - DAY})
    never_presented = entry(until_ms=NOON_MS - HOUR)
    reserved = entry(at_ms=NOON_MS - MINUTE, until_ms=NOON_MS + MINUTE, logged=False)
    assert reasons(judge(policy, [presented]))["mug"] == "cap_reached"
    assert reasons(judge(policy, [reserved]))["mug"] == "cap_reached"
    assert chosen(judge(policy, [never_presented])) == ["mug"]
    assert chosen(judge(policy, [entry(at_ms=NOON_MS - 8 * DAY, outcomes={"presented": 1})])) == ["mug"]


def test_a_cap_on_decisions_counts_also_what_was_never_presented() -> None:
    caps = [{"id": "once", "per": "offer", "at_most": 1, "within": "7d", "counting": "decided"}]
    assert reasons(judge(contact(caps=caps), [entry(until_ms=0)]))["mug"] == "cap_reached"


def test_a_cap_over_all_offers_counts_the_slots_of_the_same_decision() -> None:
    policy = contact(caps=[{"id": "calm", "per": "customer", "at_most": 1, "within": "1d"}])
    judgement = judge(policy, placements=(("hero", 2),))
    assert chosen(judgement) == ["mug"]
    assert reasons(judgement) == {"pen": "cap_reached"}


def test_mandatory_offers_skip_arbitration_and_caps() -> None:
    policy = live(
        offers=changed("pen", **{"class": "mandatory"}),
        contact_policy={"caps": [{"id": "calm", "per": "customer", "at_most": 0, "within": "1d"}]},
    )
    judgement = judge(policy, placements=(("hero", 2),))
    assert chosen(judgement) == ["pen"]
    assert reasons(judgement) == {"mug": "cap_reached"}


def test_transactional_entries_do_not_count() -> None:
    policy = contact(caps=[{"id": "once", "per": "customer", "at_most": 1, "within": "7d"}])
    assert chosen(judge(policy, [entry(transactional=True, outcomes={"presented": 1})])) == ["mug"]


@pytest.mark.parametrize(("per", "expected"), [("offer", ["pen"]), ("program", []), ("customer", [])])
def test_a_decline_is_followed_by_silence(per: str, expected: list[str]) -> None:
    policy = contact(cool_downs=[{"after": "declined", "per": per, "for": "30d"}])
    declined = entry(outcomes={"declined": NOON_MS - 29 * DAY})
    long_ago = entry(outcomes={"declined": NOON_MS - 30 * DAY})
    assert chosen(judge(policy, [declined])) == expected
    assert chosen(judge(policy, [long_ago])) == ["mug"]


def test_a_requirement_that_cannot_be_proven_means_no() -> None:
    policy = contact(requirements=[{"id": "adult", "require": "customer.age >= 18"}])
    assert set(reasons(judge(policy)).values()) == {"contact_unknown"}
    assert set(reasons(judge(policy, customer__age=17)).values()) == {"contact_requirement"}
    assert chosen(judge(policy, customer__age=18)) == ["mug"]


def test_an_offer_without_a_rule_is_no_candidate() -> None:
    rules = [{"id": "never", "if": "false", "propose": "mug"}]
    judgement = judge(live(offers=changed("mug", always=False), rules=rules))
    assert judgement.candidates == 1


def test_a_rule_proposes_when_its_event_happens() -> None:
    rules = [{"id": "thanks", "when": "purchase", "if": "event.amount > 50.0", "propose": "mug", "boost": 2}]
    policy = live(offers=changed("mug", always=False), rules=rules)
    assert chosen(judge(policy, event__type="purchase", event__amount=49.0)) == ["pen"]
    judgement = judge(policy, event__type="purchase", event__amount=51.0)
    assert chosen(judgement) == ["mug"]
    assert judgement.choices[0].scored.factors["context"] == 2.0


def test_a_proposal_waits_for_its_channel_until_its_time_is_over() -> None:
    rules = [{"id": "thanks", "when": "purchase", "propose": "mug", "for": "1d"}]
    policy = live(offers=changed("mug", always=False), rules=rules)
    waiting = Proposal("thanks", ("mug",), ("web",), 1.0, NOON_MS + 1)
    assert chosen(judge(policy, proposals=[waiting])) == ["mug"]
    assert chosen(judge(policy, proposals=[Proposal("thanks", ("mug",), ("call",), 1.0, NOON_MS + 1)])) == ["pen"]
    assert chosen(judge(policy, proposals=[Proposal("thanks", ("mug",), (), 1.0, NOON_MS)])) == ["pen"]


def test_segments_and_stage_are_known_to_every_condition() -> None:
    policy = live(
        segments={"adult": "customer.age >= 18"},
        stages={"new": '!("adult" in customer.segments)', "grown": '"adult" in customer.segments'},
        offers=changed("mug", eligible='customer.stage == "grown"'),
    )
    assert chosen(judge(policy, customer__age=20)) == ["mug"]
    assert chosen(judge(policy, customer__age=10)) == ["pen"]


def test_ties_are_broken_by_the_seed_and_by_nothing_else() -> None:
    policy = live(offers=changed("pen", value=10))
    winners = {seed: chosen(judge(policy, seed=seed)) for seed in range(40)}
    assert {winner for (winner,) in winners.values()} == {"mug", "pen"}
    assert all(chosen(judge(policy, seed=seed)) == winner for seed, winner in winners.items())


def test_cells_get_their_shares_and_keep_their_customers() -> None:
    cells = [
        Cell(id="a", share=70, offers=("mug",)),
        Cell(id="b", share=25, offers=("pen",)),
        Cell(id="control", share=5, holdout=True),
    ]
    shares = shares_of("spring/gifts", cells)
    found = [assign(shares, f"customer:{i}") for i in range(20_000)]
    assert found == [assign(shares, f"customer:{i}") for i in range(20_000)]
    for cell in cells:
        assert abs(found.count(cell.id) / 200 - cell.share) < 1


ENTRIES = st.lists(
    st.builds(
        entry,
        offer=st.sampled_from(["mug", "pen"]),
        at_ms=st.integers(0, 10 * DAY).map(lambda ago: NOON_MS - ago),
        until_ms=st.sampled_from([NOON_MS - 1, NOON_MS + 1]),
        logged=st.booleans(),
        outcomes=st.dictionaries(st.sampled_from(["presented", "accepted", "declined"]), st.just(NOON_MS - DAY)),
    ),
    max_size=6,
)
CAPPED = live(
    offers=changed("mug", eligible="customer.age >= 18"),
    contact_policy={
        "caps": [
            {"id": "offer", "per": "offer", "at_most": 2, "within": "7d"},
            {"id": "all", "per": "customer", "at_most": 3, "within": "7d", "counting": "decided"},
        ],
        "cool_downs": [{"after": "accepted", "for": "7d"}],
    },
)


@settings(max_examples=300, deadline=None)
@given(
    ENTRIES,
    st.sampled_from([None, 17, 18]),
    st.integers(1, 3),
    st.sampled_from(["all", "control"]),
    st.integers(0, 9),
)
def test_candidates_add_up_caps_hold_and_the_answer_repeats(
    entries: list[LedgerEntry], age: int | None, slots: int, cell: str, seed: int
) -> None:
    values = {} if age is None else {"customer__age": age}
    judgement, again = (
        judge(CAPPED, entries, (), (("hero", slots),), {"gifts": cell}, seed, **values) for _ in range(2)
    )
    assert judgement == again
    assert sorted([*chosen(judgement), *reasons(judgement)]) == ["mug", "pen"]
    recent = [each for each in entries if each.at_ms > NOON_MS - 7 * DAY]
    assert len(judgement.choices) <= max(0, 3 - len(recent))
    assert cell == "all" or not judgement.choices


def test_the_held_out_are_capped_like_the_treated() -> None:
    policy = contact(caps=[{"id": "once", "per": "customer", "at_most": 1, "within": "7d"}])
    held = judge(policy, placements=(("hero", 2),), cells={"gifts": "control"})
    assert [each.candidate.offer.id for each in held.held_back] == ["mug"]
    assert reasons(held) == {"mug": "held_out", "pen": "cap_reached"}
    before = entry(withheld=True)
    assert judge(policy, [before], cells={"gifts": "control"}).held_back == ()
    assert chosen(judge(policy, [before])) == ["mug"]  # what was not made does not count for the treated


def test_an_outcome_that_the_log_has_not_confirmed_is_respected() -> None:
    policy = contact(cool_downs=[{"after": "declined", "for": "30d"}])
    told = replace(entry(), said={"presented": NOON_MS - 1, "declined": NOON_MS - 1})
    assert reasons(judge(policy, [told]))["mug"] == "cool_down"


def test_a_ledger_that_had_to_forget_means_no() -> None:
    policy = contact(caps=[{"id": "once", "per": "offer", "at_most": 1, "within": "7d"}])
    facts = Facts("customer:alice", "web", (("hero", 1),), {}, Ledger(forgotten_ms=NOON_MS - DAY), TREATED)
    judgement = decide(facts, policy.ruleset, NothingLearned(), NOON_MS, 1)
    assert set(reasons(judgement).values()) == {"contact_unknown"}
