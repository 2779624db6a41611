"""The answer and the record as text: put together from prepared parts, they say what their models say, and no more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from rules import codes
from rules.answer import Answered, Kept, Origin, Recorded, Treated, answered
from rules.arbitration import NothingLearned
from rules.decide import Choice, Judgement, decide
from schemas.base import rfc3339
from schemas.decision import (
    ChosenTreatment,
    Decision,
    DecisionRecord,
    Facts,
    LeftOut,
    Placement,
    Withheld,
)
from schemas.identity import fields_of
from schemas.ledger import Ledger
from tests.builders import NOON_MS, live
from tests.rules.worlds import policy_of, world


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_what_the_models_say(seed: int) -> None:
    policy = policy_of(seed)
    for number in range(15):
        each = world(policy, 1_000 * seed + number)
        judgement = decide(each.facts, policy.ruleset, NothingLearned(), each.now_ms, each.seed)
        says_the_same(judgement, each.facts, Origin("0003-x", each.now_ms, 3, each.seed, seed % 2, "r", "none"))


def test_facts_of_every_kind_are_written_as_ever() -> None:
    policy = live()
    values: dict[str, Any] = {
        "now": datetime(2026, 3, 1, 9, 30, 0, 123_000, tzinfo=UTC),
        "session.length": timedelta(days=1, seconds=63.5),
        "customer.times": [datetime(2026, 3, 1, tzinfo=UTC)],
        "customer.by_key": {"é": datetime(2026, 3, 1, tzinfo=UTC), "none": None},
        "customer.spend": 1e16,
        "customer.small": -0.0,
        "customer.large": 2**63 - 1,
        "customer.text": 'a "quoted"\nline\u2028',
        "context.nothing": None,
    }
    facts = Facts('visitor:"odd"', "web", (("hero", 2),), values, Ledger(), {"gifts": "all"}, {"offer:mug": 3})
    judgement = decide(facts, policy.ruleset, NothingLearned(), NOON_MS, 1)
    says_the_same(judgement, facts, Origin("0003-x", NOON_MS, 3, 1, 0, policy.revision, "none"))


def test_a_fact_that_json_has_no_form_for_is_refused() -> None:
    policy = live()
    facts = Facts("customer:ada", "web", (("hero", 1),), {"customer.odd": object()}, Ledger())
    judgement = decide(facts, policy.ruleset, NothingLearned(), NOON_MS, 1)
    with pytest.raises(TypeError):
        answered(judgement, facts, Origin("0003-x", NOON_MS, 3, 1, 0, "r", "none"))


@pytest.mark.parametrize(("written", "model"), [(Treated, ChosenTreatment), (Kept, Withheld)])
def test_what_is_written_has_the_fields_of_its_model(written: Any, model: type[BaseModel]) -> None:
    assert written.__struct_fields__ == tuple(model.model_fields)


def says_the_same(judgement: Judgement, facts: Facts, origin: Origin) -> None:
    made, model = answered(judgement, facts, origin), as_model(judgement, facts, origin)
    whole = model.model_dump(mode="json", exclude_none=True)
    assert in_order(orjson.loads(made.record)) == in_order(whole)
    assert made.document.model_dump_json() == DecisionRecord.model_validate_json(made.record).model_dump_json()
    assert orjson.loads(made.document.model_dump_json(exclude_none=True)) == orjson.loads(made.record)
    answer = {name: value for name, value in whole.items() if name in Decision.model_fields}
    assert in_order(orjson.loads(made.answer)) == in_order(answer)
    assert in_order(orjson.loads(Recorded(made.record).answer)) == in_order(answer)
    speaks_for_itself(made, model)


def speaks_for_itself(made: Answered, model: DecisionRecord) -> None:
    """What is read of it without reading its text."""
    assert (made.decision, made.channel, made.takes, made.holdout) == (
        model.decision,
        model.channel,
        model.takes,
        model.holdout,
    )
    assert [each.code for each in made.treatments] == [each.code for each in model.treatments]
    assert [each.cell for each in made.withheld] == [each.cell for each in model.withheld]


def in_order(value: Any) -> Any:
    """With the order of names, which dictionaries do not compare, and numbers as they are written."""
    if isinstance(value, dict):
        return [(name, in_order(each)) for name, each in value.items()]
    return [in_order(each) for each in value] if isinstance(value, list) else repr(value)


def as_model(judgement: Judgement, facts: Facts, origin: Origin) -> DecisionRecord:
    """The record, field by field."""
    drawn = [codes.draw(origin.decision, at, origin.salt, origin.shard) for at in range(len(judgement.choices))]
    made = list(zip(drawn, judgement.choices, strict=True))
    return DecisionRecord(
        decision=origin.decision,
        at=rfc3339(origin.at_ms),
        **fields_of(facts.subject),
        channel=facts.channel,
        policy=origin.revision,
        model=origin.model,
        candidates=judgement.candidates,
        treatments=tuple(treatment(choice, code) for code, choice in made),
        left_out=tuple(
            LeftOut(**where(each.candidate), reason=each.reason.value, detail=each.detail)
            for each in judgement.left_out
        ),
        withheld=tuple(
            Withheld(placement=each.placement, kind=each.candidate.offer.kind, cell=each.cell, **where(each.candidate))
            for each in judgement.held_back
        ),
        defaults=judgement.defaults,
        seed=origin.seed,
        salt=origin.salt,
        placements=tuple(Placement(placement=name, count=count) for name, count in facts.placements),
        facts=dict(facts.values),
        ledger=facts.ledger.as_json(),
        stock=dict(facts.stock) or None,
        takes={code: taken(choice) for code, choice in made if choice.scored.candidate.takes} or None,
        holdout=judgement.holdout,
    )


def taken(choice: Choice) -> Any:
    takes = choice.scored.candidate.takes
    return takes if choice.handed is None else choice.handed.taken(takes)


def treatment(choice: Choice, code: str) -> ChosenTreatment:
    offer = choice.scored.candidate.offer
    return ChosenTreatment(
        code=code,
        placement=choice.placement,
        rank=choice.rank,
        cell=choice.cell,
        offer_name=offer.name,
        kind=offer.kind,
        treatment=choice.treatment.id,
        language=choice.treatment.language,
        content=dict(choice.content),
        score=choice.scored.score,
        factors=choice.scored.factors,
        continues=choice.handed.code if choice.handed else None,
        same_contact=choice.handed.same_contact if choice.handed else None,
        **where(choice.scored.candidate),
    )


def where(candidate: Any) -> dict[str, str]:
    return {"campaign": candidate.campaign.id, "program": candidate.program.id, "offer": candidate.offer.id}
