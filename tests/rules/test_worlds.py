"""What holds in every decision, over random policies, customers and histories. A seed that fails is printed."""

import os
from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.answer import Origin, record
from rules.arbitration import NothingLearned
from rules.candidates import Candidate
from rules.decide import Judgement, decide, weighed
from rules.proposing import proposed
from rules.reasons import Reason
from rules.replay import replayed
from rules.slots import Slots
from schemas.base import moment
from schemas.decision import DecisionRecord
from schemas.ledger import LedgerEntry
from schemas.policy import Cap
from tests.rules.worlds import World, policy_of, world

POLICIES = int(os.environ.get("WORLDS", "60"))
CUSTOMERS = 25
"""Of each policy."""


@pytest.mark.parametrize("seed", range(POLICIES))
def test_every_decision(seed: int) -> None:
    policy = policy_of(seed)
    for number in range(CUSTOMERS):
        each = world(policy, 1_000 * seed + number)
        judgement = decided(each)
        try:
            adds_up(each, judgement)
            caps_hold(each, judgement)
            there_is_enough(each, judgement)
            nobody_held_out_gets_anything(judgement)
            stands_together(each, judgement)
            replays(each, judgement)
            one_by_one(each)
            slot_by_slot(each, judgement)
        except AssertionError as error:
            error.add_note(f"policy_of({seed}), world(…, {1_000 * seed + number})")
            raise


def test_the_worlds_are_varied() -> None:
    """Otherwise the test above would say little."""
    found: Counter[str] = Counter()
    for seed in range(POLICIES):
        policy = policy_of(seed)
        for number in range(CUSTOMERS):
            judgement = decided(world(policy, 1_000 * seed + number))
            found.update(each.reason.value for each in judgement.left_out)
            found["chosen"] += len(judgement.choices)
            found["withheld"] += len(judgement.held_back)
    missing = {"no_consent"}  # offers have no purpose here
    assert min(found.values()) >= 3, found
    assert len(found) >= 24, sorted(found)
    assert not missing & found.keys()


def decided(each: World) -> Judgement:
    return decide(each.facts, each.policy.ruleset, NothingLearned(), each.now_ms, each.seed)


def adds_up(each: World, judgement: Judgement) -> None:
    """Every candidate is chosen or left out for one reason, and nothing else is either."""
    ruleset = each.policy.ruleset
    found = proposed(each.facts, ruleset, ruleset.classified(each.facts.values), each.now_ms)
    candidates = sorted(
        one.key for offer in {**ruleset.always_boosts, **found.pushed} for one in ruleset.by_offer.get(offer, ())
    )
    chosen = [one.scored.candidate.key for one in judgement.choices]
    left_out = [one.candidate.key for one in judgement.left_out]
    assert sorted([*chosen, *left_out]) == candidates
    assert judgement.candidates == len(candidates)


def there_is_enough(each: World, judgement: Judgement) -> None:
    """No answer takes more than is left, and none without need leaves out for want of it."""
    taken: Counter[str] = Counter()
    for choice in judgement.choices:
        candidate = choice.scored.candidate
        taken.update({supply: taking["amount"] for supply, taking in candidate.takes.items()})
    assert all(amount <= each.facts.stock[supply] for supply, amount in taken.items())
    for one in judgement.left_out:
        short = [
            supply
            for supply, taking in one.candidate.takes.items()
            if taking["amount"] + taken[supply] > each.facts.stock[supply]
        ]
        assert short or one.reason not in (Reason.INVENTORY, Reason.BUDGET)


def nobody_held_out_gets_anything(judgement: Judgement) -> None:
    everywhere = True in (judgement.holdout or {}).values()
    for each in judgement.choices:
        assert not (everywhere and each.scored.candidate.offer.kind == "standard")
        cell = next(one for one in each.scored.candidate.program.cells if one.id == each.cell)
        assert not cell.holdout
        assert each.scored.candidate.offer.id in cell.offers
    for held in judgement.held_back:
        if everywhere and held.candidate.offer.kind == "standard":
            assert held.cell == "holdout"
            continue
        assert next(one for one in held.candidate.program.cells if one.id == held.cell).holdout


def stands_together(each: World, judgement: Judgement) -> None:
    """No offer twice, one of a group, so many of a category, and no more than was asked for."""
    made = [one.scored.candidate.offer for one in judgement.choices]
    assert len({one.id for one in made}) == len(made)
    groups = [one.exclusive_group for one in made if one.exclusive_group]
    assert len(groups) == len(set(groups))
    covered = [name for one in judgement.choices for name in one.scored.candidate.covers]
    assert len(covered) == len(set(covered))
    most = each.policy.ruleset.arbitration.at_most_per_category
    categories = Counter(one.category for one in made if one.category and one.kind != "mandatory")
    assert most is None or all(count <= most for count in categories.values())
    asked = dict(each.facts.placements)
    assert all(count <= asked[place] for place, count in Counter(one.placement for one in judgement.choices).items())


def caps_hold(each: World, judgement: Judgement) -> None:
    """Counted here in another way than the contact policy does: entry by entry, by what each cap says."""
    for cap in each.policy.ruleset.contact_policy.caps:
        if cap.channels and each.facts.channel not in cap.channels:
            continue
        for choice in judgement.choices:
            one = choice.scored.candidate
            if one.offer.kind == "mandatory" or choice.handed or belongs(cap, one, each) is None:
                continue
            before = sum(counts(cap, entry, one, each) for entry in each.facts.ledger.entries)
            if not cap.including_current:
                assert before <= cap.at_most, cap
            elif cap.counting == "clicked":
                assert before < cap.at_most, cap
            else:
                others = [other for other in judgement.choices[: judgement.choices.index(choice)] if not other.handed]
                now = sum(
                    other.scored.candidate.offer.kind != "transactional"
                    and belongs(cap, other.scored.candidate, each) == belongs(cap, one, each)
                    for other in others
                )
                assert before + now + 1 <= cap.at_most, cap


def belongs(cap: Cap, one: Candidate, each: World) -> object:
    return {
        "customer": "all",
        "channel": each.facts.channel,
        "campaign": one.campaign.id,
        "program": (one.campaign.id, one.program.id),
        "category": one.offer.category,
        "exclusive_group": one.offer.exclusive_group,
        "offer": one.offer.id,
    }[cap.per]


def counts(cap: Cap, entry: LedgerEntry, one: Candidate, each: World) -> bool:
    offer = next(other for other in each.policy.ruleset.policy.offers if other.id == entry.offer)
    theirs = {
        "customer": "all",
        "channel": entry.channel,
        "campaign": entry.campaign,
        "program": (entry.campaign, entry.program),
        "category": offer.category,
        "exclusive_group": offer.exclusive_group,
        "offer": entry.offer,
    }[cap.per]
    if theirs != belongs(cap, one, each) or entry.transactional or entry.withheld:
        return False
    if cap.channels and entry.channel not in cap.channels:
        return False
    if cap.counting == "decided":
        happened: int | None = entry.at_ms
    elif cap.counting == "clicked":
        happened = entry.outcomes.get("clicked")
    else:
        waiting = entry.at_ms if not entry.outcomes and entry.until_ms > each.now_ms else None
        happened = entry.outcomes.get("presented", waiting)
    return happened is not None and happened >= begins_ms(cap, each)


def begins_ms(cap: Cap, each: World) -> float:
    if cap.window.calendar is None:
        return each.now_ms - cap.window.length_ms + 1
    zone = ZoneInfo(each.facts.values.get("customer.zone", "UTC"))
    now: datetime = moment(each.now_ms).astimezone(zone)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if cap.window.calendar == "week":
        while day.weekday() != 0:
            day -= timedelta(days=1)
    if cap.window.calendar == "month":
        day = day.replace(day=1)
    return day.timestamp() * 1000


def replays(each: World, judgement: Judgement) -> None:
    ruleset = each.policy.ruleset
    origin = Origin("0003-x", each.now_ms, 3, each.seed, 0, ruleset.revision, "none")
    written = record(judgement, each.facts, origin).model_dump_json(exclude_none=True)
    again = replayed(DecisionRecord.model_validate_json(written), ruleset, NothingLearned())
    assert again.model_dump_json(exclude_none=True) == written


def one_by_one(each: World) -> None:
    """What programs and cells share is looked at once; looked at alone, each candidate comes to the same."""
    found = weighed(each.facts, each.policy.ruleset, NothingLearned(), each.now_ms, each.seed)
    assert all(found.funnel.refusal(one.candidate) == (one.reason, one.detail) for one in found.left_out)
    assert all(found.funnel.refusal(one) is None for one in found.surviving)


def slot_by_slot(each: World, judgement: Judgement) -> None:
    """Once all slots are filled, who has another reason than the better scores is looked up; asked one by one, each
    candidate comes to the same."""
    found = weighed(each.facts, each.policy.ruleset, NothingLearned(), each.now_ms, each.seed)
    slots = Slots(each.facts, found.funnel)
    for scored in found.order:
        slots.put(scored)
    assert slots.choices == list(judgement.choices)
    assert slots.held_back == list(judgement.held_back)
    assert tuple(slots.fallen) == judgement.left_out[len(found.left_out) :]
