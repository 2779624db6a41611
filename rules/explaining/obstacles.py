"""Everything that stands against one candidate, the reason that decided first.

Promises that the first is what `decide` gave as the reason (a test compares them); the rest is what would stand in the
way if that were gone.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from rules.decide import LeftOut
from rules.explaining.case import Case
from rules.explaining.changes import in_words
from rules.explaining.contact import contact
from rules.explaining.found import Found
from rules.explaining.lacks import lacks
from rules.explaining.times import minute
from rules.language import EvaluationError
from rules.reasons import Reason
from rules.ruleset import Candidate, CellView, Stage
from rules.stock import Stock, lacking, said
from schemas.cells import HOLDOUT
from schemas.supplies import shown


def obstacles(case: Case, left_out: LeftOut) -> tuple[Found, ...]:
    """Where nothing in the funnel stands against it, it is what came of the others."""
    candidate = left_out.candidate
    found = tuple(_of_funnel(case, candidate, case.weighed.funnel.cell(candidate)))
    return found or (_at_slots(case, left_out),)


def _of_funnel(case: Case, candidate: Candidate, view: CellView) -> Iterator[Found]:
    values = {**case.weighed.funnel.values, **candidate.offer_values}
    yield from chain(_not_live(case, candidate), _settled(case, candidate), _no_treatment(case, candidate, values))
    for stage in view.stages:
        yield from _stage(case, stage, values)
    held_out = case.weighed.funnel.held_out_in(candidate, view) is not None
    yield from contact(case, candidate, values, held_out)
    yield from _stock(case, candidate)
    if not view.has_offer:
        others = ", ".join(cell.id for cell in candidate.program.cells if candidate.offer.id in cell.offers)
        text = f"the customer is in the cell {view.cell.id}; the offer is made in {others}"
        yield Found(Reason.OTHER_CELL, f"cell {view.cell.id}", text)


def _not_live(case: Case, candidate: Candidate) -> Iterator[Found]:
    for each in candidate.periods:
        if case.now_ms < each.from_ms:
            begins = int(each.from_ms)
            yield Found(Reason.NOT_LIVE, each.owner, f"it begins on {minute(begins, case.zone)}", until_ms=begins)
        elif case.now_ms >= each.until_ms:
            yield Found(Reason.NOT_LIVE, each.owner, f"it ended on {minute(each.until_ms, case.zone)}")


def _settled(case: Case, candidate: Candidate) -> Iterator[Found]:
    how = case.weighed.funnel.settled.get(candidate.offer.id)
    if how is not None:
        text = f"{how} since it was proposed; a rule would have to propose it anew"
        yield Found(Reason.SETTLED, f"offer {candidate.offer.id}", text)


def _no_treatment(case: Case, candidate: Candidate, values: Mapping[str, Any]) -> Iterator[Found]:
    channel, asked = case.facts.channel, [name for name, _ in case.facts.placements]
    if any(case.weighed.funnel.wording(candidate, name) for name in asked):
        return
    where = f"offer {candidate.offer.id}"
    worded = [each for name in asked for each in candidate.wordings.get((channel, name), ())]
    if worded:
        lacks = ", or ".join(dict.fromkeys(f"{each.treatment.id} names {each.missing(values)}" for each in worded))
        yield Found(Reason.NO_TREATMENT, where, f"{lacks}, which is not known")
        return
    there = ", ".join(f"{channel} {placement}" for channel, placement in candidate.wordings)
    yield Found(Reason.NO_TREATMENT, where, f"asked was {channel} {', '.join(asked)}; it is worded for {there}")


def _stage(case: Case, stage: Stage, values: dict[str, Any]) -> Iterator[Found]:
    """What is false comes before what cannot be evaluated."""
    verdicts = [(owned, owned.condition.verdict(values)) for owned in stage.conditions]
    for owned, verdict in sorted(verdicts, key=lambda each: each[1] is not False):
        lack = lacks(owned.condition, values, case.ruleset)
        if lack is not None:
            reason = stage.unknown if isinstance(verdict, EvaluationError) else stage.refused
            yield Found(reason, owned.owner, in_words(lack), owned.condition.source, lack)


def _stock(case: Case, candidate: Candidate) -> Iterator[Found]:
    """Before anything of the same answer was chosen."""
    before = Stock(case.facts.stock, case.ruleset.supplies, case.weighed.funnel.handed)
    for supply, taking in lacking(before, candidate):
        left, amount = max(0, before.left(supply)), taking["amount"]
        text = f"within reach are {shown(supply, left)} of {shown(supply, case.ruleset.supplies[supply].total)}"
        text += f", and it takes {shown(supply, amount)}"
        yield Found(said(supply)[0], said(supply)[1], text)


def _at_slots(case: Case, left_out: LeftOut) -> Found:
    """What came of the other candidates of the same decision."""
    candidate = left_out.candidate
    program = f"program {candidate.program.id}"
    match left_out.reason:
        case Reason.HELD_OUT:
            return _held_out(case, candidate)
        case Reason.DUPLICATE_OFFER:
            text = "another program has proposed the same offer, and scored better"
            return Found(Reason.DUPLICATE_OFFER, program, text)
        case Reason.EXCLUDED:
            return Found(Reason.EXCLUDED, f"offer {candidate.offer.id}", f"{left_out.detail}, in this very answer")
        case Reason.DIVERSITY:
            text = f"{left_out.detail} in one answer, and others came first"
            return Found(Reason.DIVERSITY, "arbitration", text)
        case Reason.OUTRANKED:
            return Found(Reason.OUTRANKED, "arbitration", _outranked(case, candidate))
    text = f"{left_out.detail}: the other offers of this very decision have used it up"
    where = left_out.detail.partition(":")[0]
    return Found(left_out.reason, f"cap {where}" if left_out.reason is Reason.CAP_REACHED else where, text)


def _held_out(case: Case, candidate: Candidate) -> Found:
    funnel = case.weighed.funnel
    cell = funnel.held_out_in(candidate, funnel.cell(candidate))
    of_what = "all standard offers" if cell == HOLDOUT else "this program"
    won = next((e.placement for e in case.judgement.held_back if e.candidate.key == candidate.key), None)
    text = f"the customer is held out of {of_what}, so that the effect can be measured; "
    text += f"it would have won a slot of {won}" if won else "it would have won no slot"
    return Found(Reason.HELD_OUT, f"cell {cell}", text)


def _outranked(case: Case, candidate: Candidate) -> str:
    """The score that it has, and what would have won a slot that it could fill."""
    scored = case.scored[candidate.key]
    rivals = [
        each
        for each in case.judgement.choices
        if case.weighed.funnel.wording(candidate, each.placement)
        and (each.scored.candidate.offer.kind != "mandatory" or candidate.offer.kind == "mandatory")
    ]
    if not rivals:
        return "mandatory offers have taken the slots"
    least = min(rivals, key=lambda each: each.scored.score)
    if least.scored.score == scored.score:
        return f"score {scored.score:g}, as {least.scored.candidate.offer.id} has, which chance put first"
    return f"score {scored.score:g} → more than {least.scored.score:g}, which {least.scored.candidate.offer.id} has"
