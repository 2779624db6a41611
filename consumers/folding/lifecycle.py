"""The lifecycle: after each interaction, and at each review, a customer's stage is judged and a change is recorded.

Facts are as of the customer's newest event or the review, and never of a time before the last transition: what arrives
late does not take back what was judged since. Nobody is reviewed any more who has not been seen for as
long as the contact policy remembers; their next interaction begins it again.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from consumers.folding.emitted import say
from consumers.folding.step import Step
from consumers.live import LivePolicy
from profiles.facts import Situation
from profiles.profile import Profile
from schemas.interaction import STAGE_CHANGED, Interaction

SOURCE = "opportune/lifecycle"
REVIEW_TIMER = "review"
MOST_STAGES = 20
"""Transitions that a profile keeps."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judgement has found."""

    now_ms: int
    entered: str | None
    """The stage that the customer has entered; None if they stay where they were."""


def judged(subject: str, profile: Profile, event: Interaction, policy: LivePolicy) -> Judged | None:
    """The judgement after an interaction or a review that the profile holds already.

    None where there are no stages, and after a change of stage: that is no news to itself.
    """
    if not policy.stage_classes.stages or event.type == STAGE_CHANGED:
        return None
    now_ms = max(event.at_ms, profile.last or 0, profile.stages[0][1] if profile.stages else 0)
    facts = policy.stage_facts.read(Situation(subject, profile, "", now_ms))
    stage = policy.stage_classes.classified(facts).get("customer.stage")
    return Judged(now_ms, None if stage == facts.get("customer.stage") else stage)


def record(step: Step, found: Judged | None, policy: LivePolicy) -> None:
    """Puts a judgement into the step: the transition, what it says, and the time of the next review."""
    if found is None:
        return
    if found.entered is not None:
        _enter(step, found.entered, found.now_ms, policy)
    _set_review(step, found.now_ms, policy)


def review(step: Step, fired: Interaction, policy: LivePolicy) -> None:
    if step.identity.owner is None:
        record(step, judged(step.subject, step.whole(step.profile, policy.definition), fired, policy), policy)


def _enter(step: Step, stage: str, now_ms: int, policy: LivePolicy) -> None:
    before = step.profile.stages
    at_ms = max(now_ms, before[0][1] + 1) if before else now_ms  # each transition has a time of its own
    step.profile = replace(step.profile, stages=((stage, at_ms), *before)[:MOST_STAGES])
    changed = Interaction(
        id=f"{stage}@{at_ms}",
        source=SOURCE,
        type=STAGE_CHANGED,
        subject=step.subject,
        channel="",
        at_ms=at_ms,
        data={"to": stage, **({"from": before[0][0]} if before else {})},
    )
    say(step, changed, policy)


def _set_review(step: Step, now_ms: int, policy: LivePolicy) -> None:
    """A history that arrives late is reviewed as of its arrival, once, and not week by week."""
    every_ms = policy.definition.review_ms
    if every_ms is None:
        return
    due_ms = max(now_ms + every_ms, step.now_ms)
    seen = due_ms <= (step.profile.last or 0) + policy.definition.remember_ms
    step.timers[REVIEW_TIMER] = due_ms if seen else None
