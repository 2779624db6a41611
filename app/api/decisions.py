"""GET /v1/decisions/{id}: the record of one. How one is made: hot.py."""

from fastapi import APIRouter, Depends

from app.api.auth import require
from app.api.dependencies import ServicesOf
from app.api.openapi import refusals
from app.errors import NotFound
from schemas.decision import DecisionRecord

router = APIRouter(tags=["decisions"])


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
