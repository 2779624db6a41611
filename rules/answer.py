"""From a judgement to the answer and its record: codes drawn, everything named. Pure."""

from dataclasses import dataclass

from rules import codes
from rules.decide import Choice, HeldBack, Judgement
from rules.ruleset import Candidate
from schemas.base import rfc3339
from schemas.decision import ChosenTreatment, DecisionRecord, Facts, LeftOut, Placement, Withheld
from schemas.identity import fields_of
from schemas.stock import Taking


@dataclass(frozen=True, slots=True)
class Origin:
    """What makes a decision this decision: enough to draw it again."""

    decision: str
    at_ms: int
    shard: int
    seed: int
    salt: int
    """How often codes had to be drawn anew, because one was taken."""
    revision: str
    model: str


def record(judgement: Judgement, facts: Facts, origin: Origin) -> DecisionRecord:
    return DecisionRecord(
        decision=origin.decision,
        at=rfc3339(origin.at_ms),
        **fields_of(facts.subject),
        channel=facts.channel,
        policy=origin.revision,
        model=origin.model,
        candidates=judgement.candidates,
        treatments=tuple(_treatment(c, i, origin) for i, c in enumerate(judgement.choices)),
        left_out=tuple(
            LeftOut(**_where(each.candidate), reason=each.reason.value, detail=each.detail)
            for each in judgement.left_out
        ),
        withheld=tuple(_withheld(each) for each in judgement.held_back),
        defaults=judgement.defaults,
        seed=origin.seed,
        salt=origin.salt,
        placements=tuple(Placement(placement=name, count=count) for name, count in facts.placements),
        facts=dict(facts.values),
        ledger=facts.ledger.as_json(),
        stock=dict(facts.stock) or None,
        takes=_takes(judgement, origin),
        holdout=judgement.holdout,
    )


def _takes(judgement: Judgement, origin: Origin) -> dict[str, dict[str, Taking]] | None:
    """By code, of those that take anything."""
    taking = [(i, c) for i, c in enumerate(judgement.choices) if c.scored.candidate.takes]
    return {_code(i, origin): _taken(choice) for i, choice in taking} or None


def _taken(choice: Choice) -> dict[str, Taking]:
    takes = choice.scored.candidate.takes
    return dict(takes) if choice.handed is None else choice.handed.taken(takes)


def _code(index: int, origin: Origin) -> str:
    return codes.draw(origin.decision, index, origin.salt, origin.shard)


def _treatment(choice: Choice, index: int, origin: Origin) -> ChosenTreatment:
    candidate = choice.scored.candidate
    return ChosenTreatment(
        code=_code(index, origin),
        placement=choice.placement,
        rank=choice.rank,
        cell=choice.cell,
        offer_name=candidate.offer.name,
        kind=candidate.offer.kind,
        treatment=choice.treatment.id,
        language=choice.treatment.language,
        content=dict(choice.content),
        score=choice.scored.score,
        factors=choice.scored.factors,
        continues=None if choice.handed is None else choice.handed.code,
        same_contact=None if choice.handed is None else choice.handed.same_contact,
        **_where(candidate),
    )


def _withheld(held: HeldBack) -> Withheld:
    candidate = held.candidate
    return Withheld(placement=held.placement, cell=held.cell, kind=candidate.offer.kind, **_where(candidate))


def _where(candidate: Candidate) -> dict[str, str]:
    return {
        "campaign": candidate.campaign.id,
        "program": candidate.program.id,
        "offer": candidate.offer.id,
    }
