"""GET /v1/decisions/{id}/explain: why a decision came out as it did, for agents or for analysts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.api.auth import Bearer, Header
from app.api.dependencies import ServicesOf
from app.api.openapi import refusals
from app.errors import NotFound, NotKept
from schemas.explanation import AgentExplanation, FullExplanation, View

router = APIRouter(tags=["decisions"])

WHICH = "`agent`: sentences that may be read aloud (scope `decide` or `read`); `full`: everything (scope `read`)"
ONE = "Only this offer, also if it was no candidate"


Wanted = Annotated[View, Query(description=WHICH)]


async def may_see(services: ServicesOf, bearer: Bearer, header: Header, view: Wanted = "agent") -> None:
    """Raises NotAuthenticated, and NotAllowed if the key's scopes are not those of the view."""
    token = bearer.credentials if bearer else header
    if view == "full":
        await services.keys.require(token, "read")
    else:
        await services.keys.require(token, "decide", "read")


@router.get(
    "/v1/decisions/{decision_id}/explain",
    response_model_exclude_none=True,
    dependencies=[Depends(may_see)],
    responses=refusals(NotFound, NotKept),
)
async def explain(
    decision_id: str,
    services: ServicesOf,
    view: Wanted = "agent",
    offer: Annotated[str | None, Query(description=ONE, max_length=80)] = None,
) -> AgentExplanation | FullExplanation:
    """From the decision's record alone: its facts, its policy revision, its seed."""
    if view == "full":
        return await services.explaining.full(decision_id, offer)
    return await services.explaining.for_agent(decision_id, offer)
