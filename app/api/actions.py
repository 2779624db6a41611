"""GET /v1/actions: what rules have done, for those who carry it out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.actions import Wanted
from app.api.auth import require
from app.api.dependencies import ServicesOf
from app.api.openapi import refusals
from schemas.action import ActionPage
from schemas.triggers import ActionKind

router = APIRouter(tags=["actions"], dependencies=[Depends(require("read"))])
AFTER = "The `cursor` of the last answer, to go on behind it; `latest` for what comes from now on; else from the oldest"


@router.get("/v1/actions", response_model_exclude_none=True, responses=refusals())
async def actions(
    services: ServicesOf,
    after: Annotated[str | None, Query(description=AFTER)] = None,
    kind: Annotated[ActionKind | None, Query(description="Only this kind")] = None,
    call_list: Annotated[str | None, Query(alias="list", description="Only entries of this call list")] = None,
    channel: Annotated[str | None, Query(description="Only nudges and messages of this channel")] = None,
    customer: Annotated[str | None, Query(description="Only those of this customer")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many")] = 100,
    wait_s: Annotated[float, Query(ge=0, le=20, description="Wait so long for the first, if there is none")] = 0.0,
) -> ActionPage:
    """In the order in which they were taken, for seven days; what has expired is left out."""
    wanted = Wanted(kind, call_list, channel, customer)
    return await services.actions.read(wanted, after, limit, wait_s)
