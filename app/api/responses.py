"""POST /v1/responses: what became of a treatment."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from app.api.auth import require
from app.api.bodies import json_body
from app.api.dependencies import ServicesOf
from app.api.openapi import ANSWER, WITH_A_BODY, body, refusals
from app.errors import BadResponseCode, NoPolicy, StoreBusy, UnknownOutcome, UnknownResponseCode
from schemas.response import ResponseReceipt, ResponseRequest

router = APIRouter(tags=["responses"])
Given = Annotated[ResponseRequest, Depends(json_body(ResponseRequest))]


@router.post(
    "/v1/responses",
    status_code=202,
    dependencies=[Depends(require("respond"))],
    openapi_extra=body(ResponseRequest, ANSWER),
    responses=refusals(*WITH_A_BODY, NoPolicy, UnknownResponseCode, BadResponseCode, UnknownOutcome, StoreBusy),
)
async def respond(given: Given, services: ServicesOf) -> ResponseReceipt:
    """Takes an outcome for a response code. Repeating it changes nothing."""
    return await services.responding.respond(given, datetime.now(UTC))
