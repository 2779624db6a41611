"""Over random policies, histories and requests: the counts add up, and every explanation says what `decide` did.

Every reason is met. Of what ends by itself the end is checked to the millisecond, but for a campaign that begins and a
ledger that had to forget, and for quiet hours not on the days on which clocks change.
"""

from collections import Counter
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import pytest

from rules.contact import ContactState
from rules.explaining import Case, full, opened, spoken
from rules.explaining.obstacles import obstacles
from rules.explaining.proposing import proposing
from rules.explaining.steps import STEP_OF, STEPS
from rules.reasons import Reason
from rules.ruleset import Candidate
from schemas.explanation import FullExplanation
from schemas.policy import ContactPolicy
from tests.rules.explaining.random_policies import MODELS, random_policy, random_record

SEEDS = range(30)
CUSTOMERS = 20


@cache
def cases(seed: int) -> list[Case]:
    chance = Random(seed)
    policy = random_policy(chance)
    return [opened(random_record(chance, policy), policy.ruleset, MODELS) for _ in range(CUSTOMERS)]


def test_every_reason_stands_in_one_step_in_the_order_of_precedence() -> None:
    assert [reason for reasons in STEPS.values() for reason in reasons] == list(Reason)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_explained_is_what_was_decided(seed: int) -> None:
    for case in cases(seed):
        told = full(case, MODELS)
        assert told.differences == ()
        adds_up(told, case)
        says_why(case)
        names_who_proposed(case)
        says_when_it_ends(case)
        says_nothing_internal(case)


def test_no_reason_was_left_untested() -> None:
    met = {each.reason for seed in SEEDS for case in cases(seed) for each in case.judgement.left_out}
    assert met == set(Reason), "the random policies are too tame"


def adds_up(told: FullExplanation, case: Case) -> None:
    """Candidates = chosen + what each step left out; every candidate is told once."""
    entered = told.funnel.candidates
    assert entered == case.recorded.candidates == len(told.candidates)
    for each in told.funnel.steps:
        assert each.entered == entered
        assert sum(each.reasons.values()) == each.left_out == entered - each.remaining
        entered = each.remaining
    assert entered == told.funnel.chosen == len(case.recorded.treatments)
    assert sum(each.chosen for each in told.candidates) == told.funnel.chosen
    by_step = Counter(each.step for each in told.candidates if each.step is not None)
    assert by_step == {each.step: each.left_out for each in told.funnel.steps if each.left_out}
    assert len({(each.campaign, each.program, each.offer) for each in told.candidates}) == len(told.candidates)


def says_why(case: Case) -> None:
    for each in case.judgement.left_out:
        first, *rest = obstacles(case, each)
        assert first.reason is each.reason, each
        assert first.text
        steps = [list(STEPS).index(STEP_OF[found.reason]) for found in (first, *rest)]
        assert steps == sorted(steps)


def names_who_proposed(case: Case) -> None:
    """The rules that are said to propose an offer are those that `decide` has counted."""
    for offer in case.ruleset.policy.offers:
        boosts = [each.boost - 1 for each in proposing(case, offer.id) if each.proposes]
        is_settled = offer.id in case.weighed.funnel.settled
        is_proposed = bool(boosts) or offer.id in case.ruleset.always or is_settled
        assert not (boosts and is_settled)
        assert is_proposed is (offer.id in case.weighed.boosts)
        assert sum(boosts) == case.weighed.boosts.get(offer.id, 0)


SILENCES = (
    Reason.QUIET_HOURS,
    Reason.CHANNEL_PRIORITY,
    Reason.SUPPRESSED,
    Reason.COOL_DOWN,
    Reason.CAP_REACHED,
)
"""What ends by itself."""


def says_when_it_ends(case: Case) -> None:
    """At that time it refuses no more, and a millisecond before it did."""
    clean = case.weighed.funnel.contact
    for each in case.judgement.left_out:
        funnel = case.weighed.funnel
        is_held_out = funnel.held_out_in(each.candidate, funnel.cell(each.candidate)) is not None
        for found in obstacles(case, each):
            if found.reason in SILENCES and "this very decision" not in found.text:
                assert found.until_ms is not None, found  # no cap of these lets nothing through
                alone = only(case.ruleset.contact_policy, found.where)
                for now_ms, refuses in ((found.until_ms - 1, True), (found.until_ms, False)):
                    assert refused(clean.alone(alone, now_ms), each.candidate, is_held_out) is refuses, found


def ends_in_time() -> set[Reason]:
    """Of which the test above has seen an end."""
    left_out = [(case, each) for seed in SEEDS for case in cases(seed) for each in case.judgement.left_out]
    found = [found for case, each in left_out for found in obstacles(case, each)]
    return {each.reason for each in found if each.until_ms is not None} & set(SILENCES)


def test_an_end_was_said_of_every_silence() -> None:
    assert ends_in_time() == set(SILENCES), "the random policies are too tame"


def only(policy: ContactPolicy, where: str) -> ContactPolicy:
    """The entry of the policy that an obstacle names, alone."""
    named: dict[str, Callable[[Any], str]] = {
        "quiet_hours": lambda each: f"quiet hours {each.id}",
        "priorities": lambda each: f"priority {each.id}",
        "suppressions": lambda each: f"suppression {each.id}",
        "cool_downs": lambda each: f"cool-down after {each.after} per {each.per}",
        "caps": lambda each: f"cap {each.id}",
    }
    sections = {
        section: tuple(each for each in getattr(policy, section) if name(each) == where)
        for section, name in named.items()
    }
    assert any(sections.values()), where
    return ContactPolicy().model_copy(update=sections)


def refused(state: ContactState, candidate: Candidate, is_held_out: bool) -> bool:
    against = (
        state.quiet_refusal(candidate),
        state.silence_refusal(candidate),
        state.cap_refusal(candidate, is_held_out),
    )
    return any(each is not None for each in against)


def says_nothing_internal(case: Case) -> None:
    """Every offer once, by its name alone: no ids, no reasons, no figures that the policy has no words for."""
    told = spoken(case)
    candidates = {each.offer for each in case.recorded.treatments} | {each.offer for each in case.recorded.left_out}
    assert sorted(each.offer for each in told.offers) == sorted(candidates)
    made = {each.offer for each in case.recorded.treatments}
    names = {each.id: each.name for each in case.ruleset.policy.offers}
    for each in told.offers:
        assert each.offered is (each.offer in made)
        others = {name for offer, name in names.items() if offer != each.offer}
        internal = {*names, *Reason, *others, "customer.", "score", "cell", "holdout", "held", "camp", "segment"}
        assert not [word for word in internal if word in each.sentence], each.sentence
        assert each.offer_name in each.sentence
