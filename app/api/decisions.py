"""POST /v1/decisions: the next best action. GET /v1/decisions/{id}: the record of one."""

import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app.api.auth import require
from app.api.bodies import json_body
from app.api.dependencies import ServicesOf
from app.api.openapi import QUESTION, WITH_A_BODY, body, refusals
from app.errors import NoPolicy, NotFound, StoreBusy
from schemas.decision import Decision, DecisionRecord, DecisionRequest, Undecided

router = APIRouter(tags=["decisions"])
Asked = Annotated[DecisionRequest, Depends(json_body(DecisionRequest))]


@router.post(
    "/v1/decisions",
    response_model=Decision | Undecided,
    response_model_exclude_none=True,
    dependencies=[Depends(require("decide", needs_store=False))],
    openapi_extra=body(DecisionRequest, QUESTION),
    responses=refusals(*WITH_A_BODY, NoPolicy, StoreBusy),
)
async def decide(asked: Asked, services: ServicesOf, request: Request) -> Response:
    """Ranked treatments with response codes, and the reason for each candidate left out.

    Ledger and decision record are committed before the answer. Where that cannot be done before `deadline_ms` has
    passed, or Redis is away, the placements that have a default are answered with it: `decision` is null, and
    `degraded` says what could not be done.
    """
    spent_s = time.perf_counter() - request.scope["started"]
    answer = await services.answering.answer(asked, datetime.now(UTC), spent_s)
    if isinstance(answer, Undecided):  # its null says that nothing is recorded, and is not left out
        return Response(answer.model_dump_json(), media_type="application/json")
    return Response(answer.answer, media_type="application/json")


@router.get(
    "/v1/decisions/{decision_id}",
    response_model_exclude_none=True,
    dependencies=[Depends(require("read"))],
    responses=refusals(NotFound),
)
async def decision_record(decision_id: str, services: ServicesOf) -> DecisionRecord:
    """The answer and all that it stands on: facts, ledger, seed, policy revision."""
    record = await services.decisioning.record(decision_id)
    if record is None:
        raise NotFound(f"There is no decision {decision_id[:60]}.")
    return record
