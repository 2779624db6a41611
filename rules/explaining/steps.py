"""The steps of the funnel in their order, and how many candidates each of them let through."""

from collections import Counter
from collections.abc import Mapping

from rules.decide import Judgement
from rules.reasons import Reason
from schemas.explanation import Funnel, FunnelStep, StepName

STEPS: Mapping[StepName, tuple[Reason, ...]] = {
    "availability": (Reason.NOT_LIVE, Reason.SETTLED, Reason.NO_TREATMENT),
    "eligibility": (Reason.NOT_ELIGIBLE, Reason.ELIGIBILITY_UNKNOWN),
    "applicability": (Reason.NOT_APPLICABLE, Reason.APPLICABILITY_UNKNOWN),
    "suitability": (Reason.NOT_SUITABLE, Reason.SUITABILITY_UNKNOWN),
    "contact_policy": (
        Reason.DO_NOT_CONTACT,
        Reason.BLACK_LISTED,
        Reason.NO_CONSENT,
        Reason.CONTACT_REQUIREMENT,
        Reason.CONTACT_UNKNOWN,
        Reason.QUIET_HOURS,
        Reason.CHANNEL_PRIORITY,
        Reason.SUPPRESSED,
        Reason.COOL_DOWN,
        Reason.CAP_REACHED,
        Reason.INVENTORY,
        Reason.BUDGET,
    ),
    "cell": (Reason.HELD_OUT, Reason.OTHER_CELL),
    "arbitration": (Reason.EXCLUDED, Reason.DUPLICATE_OFFER, Reason.DIVERSITY),
    "slots": (Reason.OUTRANKED,),
}
"""Every reason stands in one step. What the choices of the same decision have used up of caps and stock counts so."""

STEP_OF: Mapping[Reason, StepName] = {reason: step for step, reasons in STEPS.items() for reason in reasons}
ORDER: Mapping[Reason, int] = {reason: number for number, reason in enumerate(Reason)}


def funnel(judgement: Judgement) -> Funnel:
    """The counts: what enters a step is what the step before it let through."""
    fallen = Counter(each.reason for each in judgement.left_out)
    steps, entered = [], judgement.candidates
    for step, reasons in STEPS.items():
        found = {reason.value: fallen[reason] for reason in reasons if fallen[reason]}
        left_out = sum(found.values())
        steps.append(
            FunnelStep(step=step, entered=entered, left_out=left_out, remaining=entered - left_out, reasons=found)
        )
        entered -= left_out
    return Funnel(candidates=judgement.candidates, steps=tuple(steps), chosen=len(judgement.choices))
