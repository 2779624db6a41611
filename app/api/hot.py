"""The calls that come thousands of times a second, from request to answer: decisions, responses, interactions.

    1  the door         lets them in past all other routes             app/api/door.py
    2  `Around`         gives the request its id and its clock         app/api/middleware.py
    3  `Direct`         the key may do this, no unknown parameters     app/api/auth.py
    4  `json_of`        the body: bounded JSON                         app/api/bodies.py
    5  `_asked`         the question: by a struct, else by its model   schemas/plain.py
    6  answering        typed by the live policy, within its deadline  app/answering.py
    7  decisioning      read, fold, decide, commit                     app/decisioning.py
    8  `Json`           the answer

FastAPI describes these routes and does not run them: no dependency injection, no pydantic for what is valid, no second
look at the answer. What is not valid is still worded by pydantic's models, as everywhere.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from msgspec import Struct
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from app.api.auth import permitted, require, token_of
from app.api.bodies import MOST_BATCH_BYTES, json_of, read, validated
from app.api.cloudevents import parsed, raw_events
from app.api.dependencies import ServicesOf, only_known_parameters, services_of
from app.api.openapi import ANSWER, QUESTION, WITH_A_BODY, body, event_bodies, refusals
from app.api.problems import refused
from app.errors import (
    BadResponseCode,
    NoPolicy,
    NoRoom,
    NothingAccepted,
    RequestError,
    StoreBusy,
    UnknownOutcome,
    UnknownResponseCode,
)
from app.services import Services
from profiles.errors import BadFields, ProfileError
from schemas.decision import Decision, DecisionRequest, Question, Undecided
from schemas.interaction import Accepted, CloudEvent, Event, Refusal
from schemas.plain import taken
from schemas.response import ResponseReceipt, ResponseRequest, SentBack

Taken = TypeVar("Taken", bound=Struct)
Described = TypeVar("Described", bound=BaseModel)


class Json(Response):
    """A JSON text as it is."""

    def __init__(self, text: bytes, status_code: int = 200) -> None:
        self.status_code, self.body, self.background = status_code, text, None
        self.raw_headers = [(b"content-length", b"%d" % len(text)), (b"content-type", b"application/json")]


class Direct(APIRoute):
    """A route that FastAPI describes, and that is answered by its endpoint alone once the key has this scope."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Request, Services], Awaitable[Response]],
        permission: str,
        needs_store: bool = True,
        **described: Any,
    ) -> None:
        described["dependencies"] = [Depends(require(permission, needs_store))]
        super().__init__(path, endpoint, methods=["POST"], **described)
        self.app = self.answered
        self._permission, self._needs_store = permission, needs_store

    async def answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        services = services_of(request)
        try:
            if scope["query_string"]:
                await only_known_parameters(request)
            await permitted(services, token_of(request), self._permission, self._needs_store)
            response = await self.endpoint(request, services)
        except (RequestError, ProfileError) as error:
            response = refused(error)
        await response(scope, receive, send)


async def decide(request: Request, services: ServicesOf) -> Response:
    """Ranked treatments with response codes, and the reason for each candidate left out.

    Ledger and decision record are committed before the answer. Where that cannot be done before `deadline_ms` has
    passed, or Redis is away, the placements that have a default are answered with it: `decision` is null, and
    `degraded` says what could not be done.
    """
    asked = await _asked(request, Question, DecisionRequest)
    spent_s = time.perf_counter() - request.scope["started"]
    answer = await services.answering.answer(asked, datetime.now(UTC), spent_s)
    if isinstance(answer, Undecided):  # its null says that nothing is recorded, and is not left out
        return Json(answer.model_dump_json().encode())
    return Json(answer.answer)


async def respond(request: Request, services: ServicesOf) -> Response:
    """Takes an outcome for a response code. Repeating it changes nothing."""
    given = await _asked(request, SentBack, ResponseRequest)
    receipt = await services.responding.respond(given, datetime.now(UTC))
    return Json(orjson.dumps(receipt.model_dump()), 202)


async def accept_interactions(request: Request, services: ServicesOf) -> Response:
    """Takes CloudEvents: one (structured or binary mode) or a batch of up to 1,000.

    Each is judged by itself: the good ones are accepted, the others listed with index, reason and hint.
    """
    raw = raw_events(request.headers, await read(request.receive, MOST_BATCH_BYTES))
    events, refused = parsed(raw)
    refused += await _ingested(events, services)
    accepted = len(raw) - len(refused)
    services.metrics.count("interactions_accepted", accepted)
    services.metrics.count("interactions_refused", len(refused))
    refused.sort(key=lambda each: each.index)
    if refused and not accepted:
        raise NothingAccepted(errors=[each.model_dump(exclude_none=True) for each in refused])
    return Json(orjson.dumps(Accepted(accepted=accepted, refused=tuple(refused)).model_dump()), 202)


async def _asked(request: Request, struct: type[Taken], model: type[Described]) -> Taken | Described:
    """Raises MalformedBody, TooLarge, UnknownMediaType and Invalid."""
    value = await json_of(request)
    found = taken(struct, value)
    return validated(model, value) if found is None else found


async def _ingested(events: dict[int, CloudEvent | Event], services: Services) -> list[Refusal]:
    results = await services.ingestion.accept(list(events.values()), datetime.now(UTC))
    return [
        Refusal(index=index, id=event.id, reason=result.reason, hint=result.hint)
        for (index, event), result in zip(events.items(), results, strict=True)
        if isinstance(result, BadFields)
    ]


ROUTES = (
    Direct(
        "/v1/interactions",
        accept_interactions,
        "ingest",
        tags=["interactions"],
        status_code=202,
        response_model=Accepted,
        openapi_extra=event_bodies(),
        responses=refusals(*WITH_A_BODY, NoPolicy, NothingAccepted, NoRoom),
    ),
    Direct(
        "/v1/decisions",
        decide,
        "decide",
        needs_store=False,
        tags=["decisions"],
        response_model=Decision | Undecided,
        openapi_extra=body(DecisionRequest, QUESTION),
        responses=refusals(*WITH_A_BODY, NoPolicy, StoreBusy),
    ),
    Direct(
        "/v1/responses",
        respond,
        "respond",
        tags=["responses"],
        status_code=202,
        response_model=ResponseReceipt,
        openapi_extra=body(ResponseRequest, ANSWER),
        responses=refusals(*WITH_A_BODY, NoPolicy, UnknownResponseCode, BadResponseCode, UnknownOutcome, StoreBusy),
    ),
)
