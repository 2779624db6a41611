"""The view for analysts: everything that a decision stood on, and what came of it at each step. Pure."""

from rules import codes
from rules.arbitration import Models
from rules.decide import Choice, LeftOut
from rules.explaining.case import Case
from rules.explaining.changes import as_json, change
from rules.explaining.found import Found
from rules.explaining.obstacles import obstacles
from rules.explaining.proposing import proposing, why_no_candidate
from rules.explaining.steps import ORDER, STEP_OF, funnel
from rules.replay import differences, replayed
from rules.ruleset import Candidate
from schemas.base import rfc3339
from schemas.explanation import CandidateExplained, FullExplanation, NotProposed, Obstacle, Proposing, Weight


def full(case: Case, models: Models, offer: str | None = None) -> FullExplanation:
    """Of all candidates; or of the offer alone, which the policy has."""
    recorded, values = case.recorded, case.weighed.funnel.values
    explained = [each for each in _candidates(case) if offer in (None, each.offer)]
    again = replayed(recorded, case.ruleset, models)
    return FullExplanation(
        decision=recorded.decision,
        at=recorded.at,
        customer=recorded.customer,
        visitor=recorded.visitor,
        identifiers=recorded.identifiers,
        channel=recorded.channel,
        placements=recorded.placements,
        policy=recorded.policy,
        model=recorded.model,
        seed=recorded.seed,
        salt=recorded.salt,
        funnel=funnel(case.judgement),
        candidates=tuple(explained),
        withheld=recorded.withheld,
        no_candidates=_others(case),
        not_proposed=not_proposed(case, offer) if offer is not None and not explained else None,
        facts=recorded.facts,
        judged={name: as_json(value) for name, value in sorted(values.items()) if case.facts.values.get(name) != value},
        differences=tuple(str(each) for each in differences(recorded, again)),
    )


def not_proposed(case: Case, offer: str) -> NotProposed:
    rules = proposing(case, offer)
    return NotProposed(
        offer=offer, offer_name=_name(case, offer), rules=rules, text=why_no_candidate(case, offer, rules)
    )


def _others(case: Case) -> tuple[str, ...]:
    seen = {each.scored.candidate.offer.id for each in case.judgement.choices}
    seen |= {each.candidate.offer.id for each in case.judgement.left_out}
    return tuple(each.id for each in case.ruleset.policy.offers if each.id not in seen)


def _name(case: Case, offer: str) -> str:
    return next(each.name for each in case.ruleset.policy.offers if each.id == offer)


def _candidates(case: Case) -> list[CandidateExplained]:
    """Those chosen, by placement and rank; then by how far they came."""
    fallen = sorted(case.judgement.left_out, key=lambda each: -ORDER[each.reason])
    return [*(_chosen(case, each) for each in case.judgement.choices), *(_left_out(case, each) for each in fallen)]


def _chosen(case: Case, choice: Choice) -> CandidateExplained:
    weight = _weight(case, choice.scored.candidate)
    text = f"chosen for {choice.placement}, rank {choice.rank}"
    if choice.handed is not None:
        said = choice.handed
        text += f", to go on with {codes.shown(said.code)} ({said.outcome} on {said.channel})"
    return _explained(case, choice.scored.candidate).model_copy(
        update={
            "chosen": True,
            "placement": choice.placement,
            "rank": choice.rank,
            "weight": weight,
            "text": text if weight is None else f"{text}, with the score {weight.score:g}",
        }
    )


def _left_out(case: Case, left_out: LeftOut) -> CandidateExplained:
    found = tuple(_obstacle(each) for each in obstacles(case, left_out))
    return _explained(case, left_out.candidate).model_copy(
        update={
            "step": STEP_OF[left_out.reason],
            "reason": left_out.reason.value,
            "detail": left_out.detail,
            "obstacles": found,
            "weight": _weight(case, left_out.candidate),
            "text": f"{left_out.reason.value}, {found[0].where}: {found[0].text}",
        }
    )


def _explained(case: Case, candidate: Candidate) -> CandidateExplained:
    view = case.weighed.funnel.cell(candidate)
    handed = case.weighed.funnel.handed.get(candidate.offer.id)
    return CandidateExplained(
        campaign=candidate.campaign.id,
        program=candidate.program.id,
        cell=case.weighed.funnel.held_out_in(candidate, view) or view.cell.id,
        offer=candidate.offer.id,
        offer_name=candidate.offer.name,
        kind=candidate.offer.kind,
        chosen=False,
        proposed_by=_proposed_by(case, candidate.offer.id),
        continues=None if handed is None else handed.code,
        text="",
    )


def _proposed_by(case: Case, offer: str) -> tuple[Proposing, ...]:
    return tuple(each for each in proposing(case, offer) if each.proposes)


def _weight(case: Case, candidate: Candidate) -> Weight | None:
    scored = case.scored.get(candidate.key)
    if scored is None:
        return None
    return Weight(
        score=scored.score,
        propensity=case.propensities[candidate.key],
        boost=case.weighed.boosts[candidate.offer.id],
        lever=candidate.levers,
        factors=scored.factors,
    )


def _obstacle(found: Found) -> Obstacle:
    return Obstacle(
        reason=found.reason.value,
        where=found.where,
        condition=found.condition,
        change=change(found.lacking),
        until=None if found.until_ms is None else rfc3339(found.until_ms),
        text=found.text,
    )
