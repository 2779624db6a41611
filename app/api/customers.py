"""GET /v1/customers/{id}, /v1/visitors/{id} and /v1/identifiers/{kind}/{id}: what is known of somebody."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends

from app.api.auth import require
from app.api.dependencies import ServicesOf
from app.api.openapi import refusals
from app.errors import NoPolicy, NotFound
from app.services import Services
from schemas.profile import CustomerView

router = APIRouter(tags=["customers"], dependencies=[Depends(require("read"))])
REFUSALS = refusals(NotFound, NoPolicy)


@router.get("/v1/customers/{customer:path}", response_model_exclude_none=True, responses=REFUSALS)
async def customer_view(customer: str, services: ServicesOf) -> CustomerView:
    """Profile, sessions, ledger, and the latest interactions over all touchpoints. The id may have slashes."""
    return await _view(f"customer:{customer}", services)


@router.get("/v1/visitors/{visitor:path}", response_model_exclude_none=True, responses=REFUSALS)
async def visitor_view(visitor: str, services: ServicesOf) -> CustomerView:
    """The same for somebody anonymous. One who turned out to be a customer is shown as that customer."""
    return await _view(f"visitor:{visitor}", services)


@router.get("/v1/identifiers/{kind}/{value:path}", response_model_exclude_none=True, responses=REFUSALS)
async def identifier_view(kind: str, value: str, services: ServicesOf) -> CustomerView:
    """The same by an identifier of any kind that the policy declares."""
    return await _view(f"{kind}:{value}", services)


async def _view(subject: str, services: Services) -> CustomerView:
    view = await services.customers.view(subject, datetime.now(UTC))
    if view is None:
        raise NotFound("Nobody with this id has been seen.", hint="An id is known from its first interaction on.")
    return view
