"""What analysts are shown and what agents may read aloud, case by case."""

from collections.abc import Sequence
from typing import Any

import pytest

from consumers.live import LivePolicy
from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.decide import decide
from rules.explaining import Case, full, opened, spoken
from schemas.decision import DecisionRecord, Facts
from schemas.explanation import CandidateExplained, Change, Changes
from schemas.ledger import Ledger, LedgerEntry, Proposal
from tests.builders import CATALOGUE, DAY, HOUR, MINUTE, NOON_MS, changed, entry, live

MODELS = NothingLearned()


def case(
    policy: LivePolicy,
    entries: Sequence[LedgerEntry] = (),
    proposals: Sequence[Proposal] = (),
    subject: str = "customer:alice",
    channel: str = "web",
    slots: int = 1,
    **values: Any,
) -> Case:
    """A decision as it would be read back from its record."""
    named = {name.replace("__", "."): value for name, value in values.items()}
    facts = Facts(subject, channel, (("hero", slots),), named, Ledger(tuple(entries), tuple(proposals)))
    judgement = decide(facts, policy.ruleset, MODELS, NOON_MS, 1)
    made = record(judgement, facts, Origin("0003-x", NOON_MS, 3, 1, 0, policy.revision, MODELS.version))
    return opened(DecisionRecord.model_validate_json(made.model_dump_json(exclude_none=True)), policy.ruleset, MODELS)


def everybody(**sections: Any) -> LivePolicy:
    """Nobody is held out."""
    cells = [{"id": "all", "share": 100, "offers": ["mug", "pen"]}]
    return live(campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}], **sections)


def told(of: Case, offer: str) -> CandidateExplained:
    (found,) = (each for each in full(of, MODELS).candidates if each.offer == offer)
    return found


def said(of: Case, offer: str = "mug") -> str:
    (found,) = spoken(of, offer).offers
    return found.sentence


def test_the_smallest_false_part_with_its_value_and_what_it_would_have_to_be() -> None:
    eligible = 'customer.age >= 18 && customer.spend > 1.0 && (customer.city == "Bonn" || customer.purchases_30d > 2)'
    policy = everybody(offers=changed("mug", eligible=eligible))
    mug = told(
        case(policy, customer__age=17, customer__spend=5.0, customer__city="Kiel", customer__purchases_30d=1), "mug"
    )
    (obstacle,) = mug.obstacles
    assert (mug.step, mug.reason, obstacle.where, obstacle.condition) == (
        "eligibility", "not_eligible", "offer mug", eligible,
    )  # fmt: skip
    assert isinstance(obstacle.change, Changes)
    age, others = obstacle.change.of
    assert isinstance(age, Change)
    assert (age.fact, age.value, age.relation, age.bound) == ("customer.age", 17, ">=", 18)
    assert isinstance(others, Changes)
    assert (obstacle.change.how, others.how) == ("all", "any")
    assert others.text == 'customer.city is "Kiel" → "Bonn", or customer.purchases_30d is 1 → more than 2'


def test_a_segment_is_followed_to_its_facts() -> None:
    policy = everybody(
        segments={"adult": "customer.age >= 18"}, offers=changed("mug", suitable='"adult" in customer.segments')
    )
    of = case(policy, customer__age=17)
    text = 'customer.segments is [] → with "adult" (customer.age is 17 → at least 18)'
    assert told(of, "mug").obstacles[0].text == text


def test_all_that_stands_in_the_way_is_listed_the_reason_first() -> None:
    policy = everybody(
        offers=changed("mug", eligible="customer.age >= 18", suitable='customer.city == "Bonn"'),
        contact_policy={"cool_downs": [{"after": "declined", "for": "30d"}]},
    )
    declined = entry(outcomes={"presented": NOON_MS - DAY, "declined": NOON_MS - DAY})
    mug = told(case(policy, [declined], customer__age=17), "mug")
    assert [each.reason for each in mug.obstacles] == ["not_eligible", "suitability_unknown", "cool_down"]
    assert mug.obstacles[2].until == "2026-04-08T12:00:00.000Z"
    assert mug.weight is None


def test_a_cap_says_what_counts_and_when_it_is_free_again() -> None:
    policy = everybody(contact_policy={"caps": [{"id": "twice", "per": "offer", "at_most": 2, "within": "7d"}]})
    shown = [entry(code=str(n), at_ms=NOON_MS - n * DAY, outcomes={"presented": NOON_MS - n * DAY}) for n in (6, 2, 1)]
    mug = told(case(policy, shown), "mug")
    assert mug.obstacles[0].text == (
        "at most 2 per offer within 7d; what counts is mug (2026-03-04 12:00 UTC, web), "
        "mug (2026-03-08 12:00 UTC, web), mug (2026-03-09 12:00 UTC, web): free again on 2026-03-15 12:00 UTC"
    )
    reserved = [entry(code=str(n), at_ms=NOON_MS - MINUTE, until_ms=NOON_MS + MINUTE) for n in range(2)]
    assert told(case(policy, reserved), "mug").obstacles[0].until == "2026-03-10T12:01:00.000Z"


def test_a_cap_that_the_same_decision_has_filled() -> None:
    policy = everybody(contact_policy={"caps": [{"id": "calm", "per": "customer", "at_most": 1, "within": "1d"}]})
    of = case(policy, slots=2)
    pen = told(of, "pen")
    assert (pen.step, pen.reason, pen.obstacles[0].where) == ("contact_policy", "cap_reached", "cap calm")
    assert "of this very decision" in pen.text
    assert said(of, "pen") == "You have heard enough from us for now; “A pen” has to wait."


def test_who_is_outranked_is_told_the_score_to_beat() -> None:
    pen = told(case(everybody()), "pen")
    assert pen.obstacles[0].text == "score 5 → more than 10, which mug has"
    assert pen.weight is not None
    assert pen.weight.factors == {"propensity": 1.0, "value": 5.0, "context": 1.0, "levers": 1.0}


def test_a_campaign_that_has_not_begun() -> None:
    (campaign,) = CATALOGUE["campaigns"]
    of = case(live(campaigns=[{**campaign, "starts": "2026-04-01"}]))
    mug = told(of, "mug")
    assert (mug.step, mug.obstacles[0].until) == ("availability", "2026-04-01T00:00:00.000Z")
    assert said(of) == "“A mug” is not available to you at the moment."
    assert spoken(of).offers[0].until is None


RULES = [
    {"id": "thanks", "when": "purchase", "if": "event.amount > 50.0", "propose": "mug", "for": "1d", "boost": 2},
    {"id": "rich", "if": "customer.spend > 100.0", "propose": "mug"},
    {"id": "caller", "when": "call_started", "propose": "mug", "on": "call"},
    {"id": "quiet", "when": {"inactive": "30d"}, "propose": "mug"},
]


def test_an_offer_that_was_no_candidate() -> None:
    policy = everybody(offers=changed("mug", always=False), rules=RULES)
    of = case(policy, customer__spend=82.5, event__type="purchase", event__amount=20.0)
    found = full(of, MODELS, "mug")
    assert found.no_candidates == ("mug",)
    assert found.candidates == ()
    assert found.not_proposed is not None
    assert {each.rule: each.text for each in found.not_proposed.rules} == {
        "thanks": "event.amount is 20.0 → more than 50.0",
        "rich": "customer.spend is 82.5 → more than 100.0",
        "caller": "it counts on call, and this was web",
        "quiet": "it is fired by a time, and nothing that it proposed was waiting",
    }
    assert said(of) == "“A mug” did not come up this time: there was no occasion for it."


def test_a_rule_that_nothing_fired() -> None:
    of = case(everybody(offers=changed("mug", always=False), rules=RULES[:1]))
    found = full(of, MODELS, "mug").not_proposed
    assert found is not None
    assert found.rules[0].text == (
        "it is fired by purchase, and the request brought no interaction; "
        "what it proposes waits for 1d, and nothing was waiting"
    )


def test_who_proposed_a_candidate() -> None:
    policy = everybody(offers=changed("mug", always=False), rules=RULES)
    waiting = [Proposal("thanks", ("mug",), (), 2.0, NOON_MS + HOUR)]
    mug = told(case(policy, (), waiting, customer__spend=200.0), "mug")
    assert [(each.rule, each.boost) for each in mug.proposed_by] == [("rich", 1.0), ("thanks", 2.0)]
    assert mug.weight is not None
    assert (mug.weight.boost, mug.weight.score) == (1.0, 20.0)


WORDED = {"customer.age": "your age", "customer.city": "the place where you live"}


@pytest.mark.parametrize(
    ("over", "values", "sentence"),
    [
        ({"eligible": "customer.age >= 18"}, {"customer__age": 17},
         "“A mug” is not open to you as things stand: your age would have to be at least 18 (it is 17)."),
        ({"eligible": "customer.age >= 18"}, {},
         "“A mug” is not open to you, as far as we know: your age would have to be at least 18 (we do not know it)."),
        ({"suitable": 'customer.city == "Bonn" || customer.spend > 9.0'},
         {"customer__city": "Kiel", "customer__spend": 1.0},
         "“A mug” does not suit your situation as we know it: "
         "the place where you live would have to be Bonn (it is Kiel)."),
        # half of the truth is not told …
        ({"eligible": "customer.age >= 18 && customer.spend > 9.0"}, {"customer__age": 17, "customer__spend": 1.0},
         "“A mug” is not open to you as things stand."),
        # … and neither what is worked out from a fact, nor what has no words
        ({"eligible": "customer.age * 2 >= 36"}, {"customer__age": 17}, "“A mug” is not open to you as things stand."),
        ({"applicable": "customer.spend > 9.0"}, {"customer__spend": 1.0},
         "“A mug” does not fit the present occasion."),
    ],
)  # fmt: skip
def test_only_worded_facts_are_named(over: dict[str, Any], values: dict[str, Any], sentence: str) -> None:
    assert said(case(everybody(offers=changed("mug", **over), wording=WORDED), **values)) == sentence


def test_consent_that_is_not_given() -> None:
    requirements = [{"id": "consent", "require": "customer.consent"}]
    attributes = {"consent": "bool", "age": "int"}
    policy = everybody(
        attributes=attributes,
        contact_policy={"requirements": requirements},
        wording={"customer.consent": "your consent to advertising"},
        interactions={"purchase": {"channel": "web"}},
        features={},
        session={},
    )
    refused = case(policy, customer__consent=False)
    assert told(refused, "mug").obstacles[0].text == "customer.consent is false → true"
    assert said(refused) == (
        "We may not speak to you about “A mug” here at the moment: we would need your consent to advertising."
    )
    assert said(case(policy)) == (
        "We may not speak to you about “A mug” here, as far as we know: we would need your consent to advertising."
    )


def test_after_an_answer_the_customer_is_told_when() -> None:
    policy = everybody(contact_policy={"cool_downs": [{"after": "declined", "per": "program", "for": "30d"}]})
    declined = entry(outcomes={"presented": NOON_MS - DAY, "declined": NOON_MS - DAY})
    of = case(policy, [declined])
    assert said(of) == "After your answer of 9 March 2026 we do not bring up “A mug” again before 8 April 2026."
    # what was answered about another offer is not read out
    assert said(of, "pen") == "We do not bring up “A pen” again before 8 April 2026."


def test_somebody_held_out_hears_what_others_hear() -> None:
    cells = [{"id": "a", "share": 50, "offers": ["pen"]}, {"id": "b", "share": 50, "offers": ["mug", "pen"]}]
    other = live(campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}])
    sentences, steps = set(), set()
    for number in range(60):
        for policy in (live(), other):
            of = case(policy, subject=f"customer:c{number}")
            mug = told(of, "mug")
            if mug.step == "cell":
                steps.add(mug.reason)
                sentences.add(said(of))
    assert steps == {"held_out", "other_cell"}
    assert sentences == {"“A mug” is not available to you at the moment."}


def test_what_was_withheld_is_said_to_analysts() -> None:
    of = case(live(), subject="customer:alice")  # one of the tenth that is held out
    (withheld,) = full(of, MODELS).withheld
    assert (withheld.offer, withheld.cell) == ("mug", "control")
    won, lost = told(of, "mug"), told(of, "pen")
    assert won.reason == lost.reason == "held_out"
    assert won.obstacles[0].text.endswith("it would have won a slot of hero")
    assert lost.obstacles[0].text.endswith("it would have won no slot")


def test_a_record_that_does_not_replay_is_said_to() -> None:
    of = case(everybody(offers=changed("mug", eligible="customer.age >= 18")), customer__age=18)
    assert full(of, MODELS).differences == ()
    changed_record = of.recorded.model_copy(update={"facts": {"customer.age": 17}})
    differing = full(opened(changed_record, of.ruleset, MODELS), MODELS).differences
    assert 'treatments.0.offer: recorded "mug", replayed "pen"' in differing
