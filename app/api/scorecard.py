"""GET /v1/scorecard: what was decided, and what came back."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.api.auth import require
from app.api.dependencies import ServicesOf
from schemas.scorecard import Scorecard

router = APIRouter(tags=["scorecard"], dependencies=[Depends(require("read"))])


@router.get("/v1/scorecard")
async def scorecard(
    services: ServicesOf,
    campaign: Annotated[str | None, Query(description="Only this campaign")] = None,
    first_day: Annotated[date | None, Query(alias="from", description="First day, UTC")] = None,
    last_day: Annotated[date | None, Query(alias="to", description="Last day, included")] = None,
) -> Scorecard:
    """By campaign, program, cell, offer, channel and day; totals; treated against held out."""
    return await services.scorecard.read(campaign, first_day, last_day)
