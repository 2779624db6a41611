"""What OpenAPI says beyond what FastAPI sees: bodies that routes read by themselves, and the problems of each call."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.api.cloudevents import BATCH, PLAIN, STRUCTURED
from app.api.problems import MEDIA_TYPE
from app.errors import (
    Invalid,
    MalformedBody,
    NotAllowed,
    NotAuthenticated,
    RequestError,
    StoreAway,
    StoreFull,
    TooLarge,
    Unexpected,
    UnknownMediaType,
)
from schemas.decision import DecisionRequest
from schemas.identity import LinkRequest
from schemas.interaction import CloudEvent
from schemas.problem import Problem
from schemas.response import ResponseRequest
from schemas.revision import DraftRequest, LiveRequest, PublishRequest, StepRequest

OF_POLICIES = (DraftRequest, StepRequest, LiveRequest, PublishRequest)
MODELS = (CloudEvent, DecisionRequest, LinkRequest, ResponseRequest, *OF_POLICIES, Problem)
"""What is spoken of here by reference, because no signature of a route names it."""
EVERY_CALL = (NotAuthenticated, NotAllowed, Invalid, Unexpected, StoreAway, StoreFull)
WITH_A_BODY = (MalformedBody, TooLarge, UnknownMediaType)
REFERENCE = "#/components/schemas/{model}"

EVENT = {
    "specversion": "1.0",
    "id": "visit-7-page-1",
    "source": "website",
    "type": "page_viewed",
    "subject": "ada",
    "channel": "web",
    "time": "2026-03-01T09:30:00Z",
    "data": {"product": "deposit"},
}
QUESTION = {
    "customer": "ada",
    "channel": "call",
    "placements": [{"placement": "agent", "count": 1}],
    "context": {"weekday": "mon"},
    "interaction": {
        "id": "call-1",
        "source": "desktop/7",
        "type": "call_started",
        "data": {"age": 41, "contacts_this_campaign": 1},
    },
}
LINK = {"identifier": "visitor:v-1", "owner": "customer:ada"}
DRAFT = {"files": {"policy.yaml": "policy: {name: shop}\n…"}, "note": "the autumn campaign"}
APPROVAL = {"note": "looked through with sales"}
PUBLISHING = {"at": "2026-12-01T08:00:00+01:00", "live": "5d1f0c4e8a7b2936", "note": "with the shop's opening"}
ROLLING_BACK = {"live": "5d1f0c4e8a7b2936", "note": "too many calls"}
ANSWER = {"code": "0A3F-7K2M-9QXT", "outcome": "accepted", "amount": 2500}
BINARY_MODE = {
    "ce-specversion": "Binary mode: `1.0`. The attributes stand in headers, percent-encoded; the body is the data",
    "ce-id": "Binary mode: the event's `id`",
    "ce-source": "Binary mode: the touchpoint",
    "ce-type": "Binary mode: the interaction type",
    "ce-subject": "Binary mode: the customer, or …",
    "ce-visitor": "… the visitor, for somebody anonymous",
    "ce-channel": "Binary mode: the channel",
    "ce-time": "Binary mode: when it happened (RFC 3339)",
}


def body(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """A JSON body that the route reads by itself."""
    return _required({"application/json": {"schema": _reference(model), "example": example}})


def event_bodies() -> dict[str, Any]:
    """The three modes of CloudEvents over HTTP."""
    one = _reference(CloudEvent)
    many = {"type": "array", "items": one, "maxItems": 1_000}
    headers = [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in BINARY_MODE.items()
    ]
    contents = {
        STRUCTURED: {"schema": one, "example": EVENT},
        BATCH: {"schema": many, "example": [EVENT]},
        PLAIN: {"schema": {"anyOf": [one, many, _data_alone()]}, "example": EVENT},
    }
    return {"parameters": headers, **_required(contents)}


def refusals(*kinds: type[RequestError]) -> dict[int | str, dict[str, Any]]:
    """The problems of one call under /v1, by status: those given and those that every call may answer with."""
    return problems((*kinds, *EVERY_CALL))


def problems(kinds: Sequence[type[RequestError]]) -> dict[int | str, dict[str, Any]]:
    by_status: dict[int | str, list[type[RequestError]]] = {}
    for kind in sorted(kinds, key=lambda each: each.status):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _refused(found) for status, found in by_status.items()}


def install(app: FastAPI) -> None:
    """Adds the models that are spoken of by reference."""
    made = app.openapi

    def with_models() -> dict[str, Any]:
        page = made()
        schemas = page.setdefault("components", {}).setdefault("schemas", {})
        for model in MODELS:
            schema = model.model_json_schema(ref_template=REFERENCE)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        return page

    app.openapi = with_models  # type: ignore[method-assign]


def _refused(kinds: Sequence[type[RequestError]]) -> dict[str, Any]:
    examples = {
        kind.name: {"summary": kind.title, "value": kind().problem.model_dump(exclude_defaults=True)} for kind in kinds
    }
    content = {MEDIA_TYPE: {"schema": _reference(Problem), "examples": examples}}
    return {"description": "; ".join(f"{kind.title} (`/problems/{kind.name}`)" for kind in kinds), "content": content}


def _required(contents: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": contents}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _data_alone() -> dict[str, Any]:
    return {"type": "object", "title": "Data", "description": "In binary mode: the event's data alone"}
