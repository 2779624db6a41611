"""What is wrong with a body is said in sentences that name the field, never in pydantic's words."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.api.wording import findings, unknown
from schemas.decision import DecisionRequest
from schemas.interaction import CloudEvent
from schemas.response import ResponseRequest

ASKED: dict[str, Any] = {"customer": "ada", "channel": "web", "placements": [{"placement": "home"}]}
EVENT = {"specversion": "1.0", "id": "1", "source": "shop", "type": "view", "subject": "ada"}
ANSWER = {"code": "A", "outcome": "accepted"}


def said(model: type[BaseModel], body: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(body)
    return [(each["field"], each["reason"]) for each in findings(refusal.value, model)]


@pytest.mark.parametrize(
    ("model", "body", "field", "reason"),
    [
        (DecisionRequest, [], "body", "the body must be an object, not a list"),
        (DecisionRequest, {**ASKED, "placements": "home"}, "placements", "`placements` must be a list, not “home”"),
        (DecisionRequest, {**ASKED, "placements": []}, "placements", "`placements` must not be empty"),
        (DecisionRequest, {**ASKED, "customer": "a b"}, "customer", "“a b” does not fit"),
        (DecisionRequest, {**ASKED, "channel": "Web"}, "channel", "takes lower-case letters"),
        (DecisionRequest, {**ASKED, "context": {"A B": 1}}, "context.A B", "takes lower-case letters"),
        (DecisionRequest, {**ASKED, "customer": None}, "customer, visitor, identifiers", "say whom this is about"),
        (DecisionRequest, {**ASKED, "placements": ASKED["placements"] * 2}, "placements", "named twice"),
        (CloudEvent, {**EVENT, "subject": None}, "subject, visitor", "say whom this is about"),
        (CloudEvent, {**EVENT, "specversion": "0.3"}, "specversion", "`specversion` must be '1.0'"),
        (CloudEvent, {**EVENT, "time": "2026-03-01T09:30:00"}, "time", "`time` must be a time with a zone"),
        (ResponseRequest, {**ANSWER, "amount": "much"}, "amount", "`amount` must be a number, not “much”"),
        (ResponseRequest, {**ANSWER, "outcome": True}, "outcome", "`outcome` must be text, not true"),
    ],
)
def test_one_sentence(model: type[BaseModel], body: Any, field: str, reason: str) -> None:
    ((found, sentence),) = said(model, body)
    assert found == field
    assert reason in sentence


def test_an_unknown_field_is_named_where_it_stands_with_the_nearest() -> None:
    body = {**ASKED, "placements": [{"placment": "home"}]}
    assert said(DecisionRequest, body) == [
        ("placements.0.placement", "`placements.0.placement` is missing"),
        ("placements.0.placment", "`placment` is not a field; did you mean `placement`?"),
    ]
    assert unknown("x", []) == "`x` is not a field; there is none"
