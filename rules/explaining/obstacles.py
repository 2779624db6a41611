"""Everything that stands against one candidate, the reason that decided first.

Promises that the first is what `decide` gave as the reason (a test compares them); the rest is what would stand in the
way if that were gone.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from rules.decide import LeftOut
from rules.explaining.case import Case
from rules.explaining.changes import in_words
from rules.explaining.contact import Contact, Found
from rules.explaining.lacks import lacks
from rules.explaining.times import minute
from rules.language import EvaluationError
from rules.reasons import Reason
from rules.ruleset import Candidate, CellView, Stage


def obstacles(case: Case, left_out: LeftOut) -> tuple[Found, ...]:
    """Where nothing in the funnel stands against it, it is what came of the others."""
    candidate = left_out.candidate
    found = tuple(_of_funnel(case, candidate, case.weighed.funnel.cell(candidate)))
    return found or (_at_slots(case, left_out),)


def _of_funnel(case: Case, candidate: Candidate, view: CellView) -> Iterator[Found]:
    values = {**case.weighed.funnel.values, **candidate.offer_values}
    fresh = replace(case.weighed.funnel.contact, chosen=[], held_back=[])
    yield from chain(_not_live(case, candidate), _no_treatment(case, candidate))
    for stage in view.stages:
        yield from _stage(case, stage, values)
    yield from Contact(fresh, case.weighed.funnel.values, case.ruleset, case.zone).against(candidate, view.cell.holdout)
    if not view.has_offer:
        others = ", ".join(cell.id for cell in candidate.program.cells if candidate.offer.id in cell.offers)
        text = f"the customer is in the cell {view.cell.id}; the offer is made in {others}"
        yield Found(Reason.OTHER_CELL, f"cell {view.cell.id}", text)


def _not_live(case: Case, candidate: Candidate) -> Iterator[Found]:
    if candidate.live_at(case.now_ms):
        return
    where = f"campaign {candidate.campaign.id}"
    if case.now_ms < candidate.live_from_ms:
        begins = int(candidate.live_from_ms)
        yield Found(Reason.NOT_LIVE, where, f"it begins on {minute(begins, case.zone)}", until_ms=begins)
    else:
        yield Found(Reason.NOT_LIVE, where, f"it ended on {minute(candidate.live_until_ms, case.zone)}")


def _no_treatment(case: Case, candidate: Candidate) -> Iterator[Found]:
    channel, asked = case.facts.channel, [name for name, _ in case.facts.placements]
    if any((channel, name) in candidate.treatments for name in asked):
        return
    there = ", ".join(f"{channel} {placement}" for channel, placement in candidate.treatments)
    text = f"asked was {channel} {', '.join(asked)}; it is worded for {there}"
    yield Found(Reason.NO_TREATMENT, f"offer {candidate.offer.id}", text)


def _stage(case: Case, stage: Stage, values: dict[str, Any]) -> Iterator[Found]:
    """What is false comes before what cannot be evaluated."""
    verdicts = [(owned, owned.condition.verdict(values)) for owned in stage.conditions]
    for owned, verdict in sorted(verdicts, key=lambda each: each[1] is not False):
        lack = lacks(owned.condition, values, case.ruleset)
        if lack is not None:
            reason = stage.unknown if isinstance(verdict, EvaluationError) else stage.refused
            yield Found(reason, owned.owner, in_words(lack), owned.condition.source, lack)


def _at_slots(case: Case, left_out: LeftOut) -> Found:
    """What came of the other candidates of the same decision."""
    candidate = left_out.candidate
    program = f"program {candidate.program.id}"
    match left_out.reason:
        case Reason.HELD_OUT:
            cell = case.weighed.funnel.cell(candidate).cell.id
            won = next((e.placement for e in case.judgement.held_back if e.candidate.key == candidate.key), None)
            text = "the customer is held out of this program, so that its effect can be measured; "
            text += f"it would have won a slot of {won}" if won else "it would have won no slot"
            return Found(Reason.HELD_OUT, f"cell {cell}", text)
        case Reason.DUPLICATE_OFFER:
            text = "another program has proposed the same offer, and scored better"
            return Found(Reason.DUPLICATE_OFFER, program, text)
        case Reason.OUTRANKED:
            return Found(Reason.OUTRANKED, "arbitration", _outranked(case, candidate))
    text = f"{left_out.detail}: the other offers of this very decision have used it up"
    return Found(left_out.reason, f"cap {left_out.detail.partition(':')[0]}", text)


def _outranked(case: Case, candidate: Candidate) -> str:
    """The score that it has, and what would have won a slot that it could fill."""
    scored = case.scored[candidate.key]
    rivals = [
        each
        for each in case.judgement.choices
        if (case.facts.channel, each.placement) in candidate.treatments
        and (each.scored.candidate.offer.kind != "mandatory" or candidate.offer.kind == "mandatory")
    ]
    if not rivals:
        return "mandatory offers have taken the slots"
    least = min(rivals, key=lambda each: each.scored.score)
    if least.scored.score == scored.score:
        return f"score {scored.score:g}, as {least.scored.candidate.offer.id} has, which chance put first"
    return f"score {scored.score:g} → more than {least.scored.score:g}, which {least.scored.candidate.offer.id} has"
