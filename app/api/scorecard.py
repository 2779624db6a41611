"""GET /v1/scorecard: what was decided, and what came back."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.api.auth import require
from app.api.dependencies import ServicesOf
from app.api.openapi import refusals
from app.errors import NotFound
from app.scorecard.campaigns import counted, not_counted
from app.services import Services
from schemas.scorecard import Scorecard

router = APIRouter(tags=["scorecard"], dependencies=[Depends(require("read"))])


@router.get("/v1/scorecard", responses=refusals(NotFound))
async def scorecard(
    services: ServicesOf,
    campaign: Annotated[str | None, Query(description="Only this campaign")] = None,
    first_day: Annotated[date | None, Query(alias="from", description="First day, UTC")] = None,
    last_day: Annotated[date | None, Query(alias="to", description="Last day, included")] = None,
) -> Scorecard:
    """By campaign, program, cell, offer, channel and day; totals; treated against held out."""
    if campaign is not None:
        await _must_be_counted(campaign, services)
    return await services.scorecard.read(campaign, first_day, last_day)


async def _must_be_counted(campaign: str, services: Services) -> None:
    """Raises NotFound: a misspelt campaign must not look like one without success."""
    everything = await services.scorecard.read()
    if not counted(campaign, everything):
        said, hint = not_counted(campaign, everything)
        raise NotFound(f"{said[0].upper()}{said[1:]}.", hint=hint)
