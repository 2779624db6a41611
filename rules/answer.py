"""From a judgement to the answer and its record: codes drawn, everything named. Pure.

Both are JSON as schemas/decision.py has it: the answer is a `Decision`, the record a `DecisionRecord`, which says the
same and then what it stands on. A decision names a hundred candidates, so the text is put together from parts that are
written already: that of a candidate when the policy is compiled (rules/left_out.py), that of the answer once for both.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import orjson
from pydantic import TypeAdapter

from rules import codes
from rules.answered import Answered as Answered
from rules.answered import Kept as Kept
from rules.answered import Origin as Origin
from rules.answered import Recorded as Recorded
from rules.answered import Reply as Reply
from rules.answered import Treated as Treated
from rules.judgement import Choice, HeldBack, Judgement
from schemas.base import rfc3339
from schemas.decision import DecisionRecord, Facts
from schemas.identity import fields_of
from schemas.stock import Taking

ENCODER = msgspec.json.Encoder()
DURATION = TypeAdapter(timedelta)


def answered(judgement: Judgement, facts: Facts, origin: Origin) -> Answered:
    treatments = tuple([_treated(choice, index, origin) for index, choice in enumerate(judgement.choices)])
    withheld = tuple([_kept(each) for each in judgement.held_back])
    takes = _takes(judgement, treatments)
    said = _said(judgement, facts, origin, treatments, withheld)
    return Answered(
        decision=origin.decision,
        channel=facts.channel,
        treatments=treatments,
        withheld=withheld,
        takes=takes,
        holdout=judgement.holdout,
        judgement=judgement,
        answer=said + b"}",
        record=b"".join([said, b",", _stands_on(judgement, facts, origin, takes)]),
    )


def record(judgement: Judgement, facts: Facts, origin: Origin) -> DecisionRecord:
    return answered(judgement, facts, origin).document


def _said(
    judgement: Judgement, facts: Facts, origin: Origin, treatments: Sequence[Treated], withheld: Sequence[Kept]
) -> bytes:
    """The answer without its last brace."""
    named = {
        "decision": origin.decision,
        "at": rfc3339(origin.at_ms),
        **fields_of(facts.subject),
        "channel": facts.channel,
        "policy": origin.revision,
        "model": origin.model,
        "candidates": judgement.candidates,
    }
    return b'%b,"treatments":%b,"left_out":[%b],"withheld":%b,"defaults":[%b]' % (
        orjson.dumps(named)[:-1],
        ENCODER.encode(treatments),
        b",".join([each.written for each in judgement.fallen]),
        ENCODER.encode(withheld),
        b",".join([each.model_dump_json().encode() for each in judgement.defaults]),
    )


def _stands_on(judgement: Judgement, facts: Facts, origin: Origin, takes: dict[str, dict[str, Taking]] | None) -> bytes:
    """What the record says beside the answer, with the last brace."""
    begins = {
        "seed": origin.seed,
        "salt": origin.salt,
        "placements": [{"placement": name, "count": count} for name, count in facts.placements],
        "facts": facts.values,
        "ledger": orjson.Fragment(facts.ledger.dumps()),
    }
    ends = {"stock": dict(facts.stock) or None, "takes": takes, "holdout": judgement.holdout}
    found = {**begins, **{name: each for name, each in ends.items() if each is not None}}
    return orjson.dumps(found, default=_unknown, option=orjson.OPT_UTC_Z)[1:]


def _unknown(value: Any) -> Any:
    """What JSON and orjson have no form for."""
    if isinstance(value, timedelta):
        return DURATION.dump_python(value, mode="json")
    raise TypeError(f"a fact of the type {type(value).__name__} cannot be written")


def _takes(judgement: Judgement, treatments: Sequence[Treated]) -> dict[str, dict[str, Taking]] | None:
    """By code, of those that take anything."""
    taking = zip(treatments, judgement.choices, strict=True)
    return {made.code: _taken(choice) for made, choice in taking if choice.scored.candidate.takes} or None


def _taken(choice: Choice) -> dict[str, Taking]:
    takes = choice.scored.candidate.takes
    return dict(takes) if choice.handed is None else choice.handed.taken(takes)


def _treated(choice: Choice, index: int, origin: Origin) -> Treated:
    candidate, treatment, handed = choice.scored.candidate, choice.treatment, choice.handed
    return Treated(
        code=codes.draw(origin.decision, index, origin.salt, origin.shard),
        placement=choice.placement,
        rank=choice.rank,
        campaign=candidate.campaign.id,
        program=candidate.program.id,
        cell=choice.cell,
        offer=candidate.offer.id,
        offer_name=candidate.offer.name,
        kind=candidate.offer.kind,
        treatment=treatment.id,
        language=treatment.language,
        content=dict(choice.content),
        score=choice.scored.score,
        factors=choice.scored.factors,
        continues=None if handed is None else handed.code,
        same_contact=None if handed is None else handed.same_contact,
    )


def _kept(held: HeldBack) -> Kept:
    candidate = held.candidate
    return Kept(
        placement=held.placement,
        kind=candidate.offer.kind,
        campaign=candidate.campaign.id,
        program=candidate.program.id,
        cell=held.cell,
        offer=candidate.offer.id,
    )
