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
WORDED = {"customer.age": "your age", "customer.city": "the place where you live"}


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


def test_a_cap_counts_what_was_seen_from_when_it_was_seen() -> None:
    policy = everybody(contact_policy={"caps": [{"id": "once", "per": "offer", "at_most": 1, "within": "7d"}]})
    seen = entry(at_ms=NOON_MS - 8 * DAY, outcomes={"presented": NOON_MS - 6 * DAY})
    mug = told(case(policy, [seen]), "mug")
    assert mug.obstacles[0].text == (
        "at most 1 per offer within 7d; what counts is mug (2026-03-04 12:00 UTC, web): "
        "free again on 2026-03-11 12:00 UTC"
    )


@pytest.mark.parametrize(
    ("period", "until"),
    [
        ("day", "2026-03-11T04:00:00.000Z"),
        ("week", "2026-03-16T04:00:00.000Z"),
        ("month", "2026-04-01T04:00:00.000Z"),
        ("year", "2027-01-01T05:00:00.000Z"),
    ],
)
def test_a_calendar_window_ends_at_the_midnight_of_the_customer(period: str, until: str) -> None:
    once = {"id": "once", "per": "offer", "at_most": 1, "within": {"calendar": period}}
    policy = everybody(contact_policy={"customer_time_zone": "city", "caps": [once]})
    seen = entry(at_ms=NOON_MS - HOUR, outcomes={"presented": NOON_MS - HOUR})
    mug = told(case(policy, [seen], customer__city="America/New_York"), "mug")
    assert mug.obstacles[0].until == until
    assert mug.obstacles[0].text.startswith(f"at most 1 per offer in a calendar {period}; what counts is mug (")


def test_quiet_hours_end_by_the_clock_of_the_customer() -> None:
    hours = [{"id": "night", "from": "20:00", "until": "09:00"}]
    policy = everybody(contact_policy={"customer_time_zone": "city", "quiet_hours": hours})
    mug = told(case(policy, customer__city="America/New_York"), "mug")  # where it is eight
    assert mug.obstacles[0].text == "quiet from 20:00 to 09:00 in America/New_York: ends on 2026-03-10 13:00 UTC"


def test_a_cap_that_does_not_count_what_is_being_decided() -> None:
    clicks = {
        "id": "no",
        "per": "offer",
        "at_most": 0,
        "within": "7d",
        "counting": "declined",
        "including_current": False,
    }
    declined = entry(outcomes={"presented": NOON_MS - DAY, "declined": NOON_MS - DAY})
    mug = told(case(everybody(contact_policy={"caps": [clicks]}), [declined]), "mug")
    assert mug.obstacles[0].text == (
        "at most 0 per offer within 7d; what counts is mug (2026-03-09 12:00 UTC, web): "
        "free again on 2026-03-16 12:00 UTC"
    )


SEEN = [entry(code=str(n), at_ms=NOON_MS - n * DAY, outcomes={"presented": NOON_MS - n * DAY}) for n in (3, 2, 1)]
CALLED = [entry(channel="call", at_ms=NOON_MS - HOUR, outcomes={"presented": NOON_MS - HOUR})]
CONTACT: list[tuple[dict[str, Any], list[LedgerEntry], str, str]] = [
    ({"do_not_contact": [{"id": "minors", "if": "customer.age < 18"}]}, [],
     "do_not_contact, do-not-contact list minors: customer.age is 17 → at least 18",
     "We may not bring up “A mug” here: your age would have to be at least 18 (it is 17)."),
    ({"black_lists": [{"id": "young", "if": "customer.age < 18", "offers": "mug"}]}, [],
     "black_listed, black list young: customer.age is 17 → at least 18",
     "“A mug” is not available to you at the moment."),
    ({"consents": [{"id": "grown", "purpose": "adverts", "require": "customer.age > 20"}]}, [],
     "no_consent, consent grown: customer.age is 17 → more than 20",
     "We have no consent of yours to speak about “A mug” here: your age would have to be above 20 (it is 17)."),
    ({"quiet_hours": [{"id": "noon", "from": "11:00", "until": "14:30"}]}, [],
     "quiet_hours, quiet hours noon: quiet from 11:00 to 14:30 in UTC: ends on 2026-03-10 14:30 UTC",
     "We do not bring up “A mug” at this time of day, and not before 14:30 today."),
    ({"quiet_hours": [{"id": "night", "from": "11:00", "until": "10:00"}]}, [],
     "quiet_hours, quiet hours night: quiet from 11:00 to 10:00 in UTC: ends on 2026-03-11 10:00 UTC",
     "We do not bring up “A mug” at this time of day, and not before 11 March 2026."),
    ({"priorities": [{"id": "calls", "channel": "call", "holds_back": ["web"], "for": "2d"}]}, CALLED,
     "channel_priority, priority calls: call goes first for 2d after mug (2026-03-10 11:00 UTC, call): "
     "ends on 2026-03-12 11:00 UTC",
     "We do not bring up “A mug” here before 12 March 2026."),
    ({"suppressions": [{"id": "tired", "after": 2, "of": "unanswered", "within": "7d", "for": "5d"}]}, SEEN,
     "suppressed, suppression tired: 5d after 2 unanswered within 7d, mug (2026-03-08 12:00 UTC, web), "
     "mug (2026-03-09 12:00 UTC, web): ends on 2026-03-14 12:00 UTC",
     "We do not bring up “A mug” again before 14 March 2026."),
]  # fmt: skip


@pytest.mark.parametrize(("contact", "entries", "text", "sentence"), CONTACT)
def test_each_entry_of_the_contact_policy(
    contact: dict[str, Any], entries: list[LedgerEntry], text: str, sentence: str
) -> None:
    offers = [{**each, "purpose": "adverts"} for each in CATALOGUE["offers"]]
    of = case(everybody(offers=offers, contact_policy=contact, wording=WORDED), entries, customer__age=17)
    assert told(of, "mug").text == text
    assert told(of, "mug").step == "contact_policy"
    assert said(of) == sentence


def test_what_is_refused_comes_before_what_cannot_be_proven() -> None:
    contact = {
        "customer_time_zone": "city",
        "do_not_contact": [{"id": "poor", "if": "customer.spend < 5.0"}],
        "requirements": [
            {"id": "buyers", "require": "customer.purchases_30d > 0"},
            {"id": "adult", "require": "customer.age >= 18"},
        ],
        "quiet_hours": [{"id": "noon", "from": "11:00", "until": "14:30"}],
    }
    of = case(everybody(contact_policy=contact, wording=WORDED), customer__age=17, customer__city="Atlantis")
    mug = told(of, "mug")
    assert [(each.reason, each.where) for each in mug.obstacles] == [
        ("contact_requirement", "requirement adult"),
        ("contact_unknown", "do-not-contact list poor"),
        ("contact_unknown", "customer_time_zone"),
        ("contact_unknown", "requirement buyers"),
    ]
    assert mug.obstacles[2].text == "customer.city is not the name of a time zone"
    grown = case(everybody(contact_policy=contact, wording=WORDED), customer__age=18, customer__city="Atlantis")
    assert said(grown) == "We may not speak to you about “A mug” here, as far as we know."


def test_an_answer_on_another_channel_settles_what_was_waiting() -> None:
    policy = everybody(offers=changed("mug", always=False), rules=RULES[:1])
    waiting = [Proposal("thanks", ("mug",), (), 2.0, NOON_MS + HOUR)]
    declined = entry(channel="call", outcomes={"presented": NOON_MS - HOUR, "declined": NOON_MS - HOUR})
    mug = told(of := case(policy, [declined], waiting), "mug")
    assert (mug.step, mug.reason, mug.proposed_by) == ("availability", "settled", ())
    assert mug.obstacles[0].text == "declined on call since it was proposed; a rule would have to propose it anew"
    assert said(of) == "You have given your answer to “A mug” already."


def test_words_that_need_a_fact() -> None:
    banner = {"id": "hello", "channel": "web", "placement": "hero", "content": {"title": "For {customer.city}"}}
    of = case(everybody(offers=changed("mug", treatments=[banner])))
    assert told(of, "mug").text == "no_treatment, offer mug: hello names customer.city, which is not known"


@pytest.mark.parametrize(
    ("over", "arbitration", "text"),
    [
        ({"exclusive_group": "one"}, {},
         "excluded, offer pen: mug is of the same group one, in this very answer"),
        ({"category": "gifts"}, {"at_most_per_category": 1},
         "diversity, arbitration: at most 1 of gifts in one answer, and others came first"),
    ],
)  # fmt: skip
def test_what_cannot_stand_beside_another(over: dict[str, Any], arbitration: dict[str, Any], text: str) -> None:
    offers = [{**each, **over} for each in CATALOGUE["offers"]]
    of = case(everybody(offers=offers, arbitration=arbitration), slots=2)
    assert (told(of, "pen").step, told(of, "pen").text) == ("arbitration", text)
    assert said(of, "pen") == "“A pen” would be possible for you, but something else came first this time."


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
