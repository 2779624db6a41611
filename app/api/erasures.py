"""DELETE /v1/customers/{id} and /v1/visitors/{id}: erases somebody. GET /v1/erasures/{receipt}: what became of it."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Response

from app.api.auth import require
from app.api.dependencies import ServicesOf
from app.api.openapi import refusals
from app.errors import NotFound
from app.services import Services
from schemas.base import SubjectId
from schemas.erasure import ErasureReceipt

router = APIRouter(tags=["erasures"], dependencies=[Depends(require("admin"))])
ERASED: dict[int | str, dict[str, Any]] = {
    202: {"model": ErasureReceipt, "description": "Accepted, and not done yet: ask for the receipt later"},
    **refusals(),
}


@router.delete("/v1/customers/{customer:path}", response_model_exclude_none=True, responses=ERASED)
async def erase_customer(customer: SubjectId, services: ServicesOf, answer: Response) -> ErasureReceipt:
    """Removes every trace of the customer; what happens later starts afresh. Repeating it is harmless.

    An id that was never seen gets a receipt too, with nothing removed.
    """
    return await _erased(f"customer:{customer}", services, answer)


@router.delete("/v1/visitors/{visitor:path}", response_model_exclude_none=True, responses=ERASED)
async def erase_visitor(visitor: SubjectId, services: ServicesOf, answer: Response) -> ErasureReceipt:
    """The same for somebody anonymous. One who turned out to be a customer is erased with that customer."""
    return await _erased(f"visitor:{visitor}", services, answer)


@router.delete("/v1/identifiers/{kind}/{value:path}", response_model_exclude_none=True, responses=ERASED)
async def erase_identifier(kind: str, value: SubjectId, services: ServicesOf, answer: Response) -> ErasureReceipt:
    """The same by an identifier of any kind that the policy declares."""
    return await _erased(f"{kind}:{value}", services, answer)


@router.get("/v1/erasures/{receipt}", response_model_exclude_none=True, responses=refusals(NotFound))
async def erasure(receipt: str, services: ServicesOf) -> ErasureReceipt:
    """What became of an erasure. The receipt does not say whose it was."""
    found = await services.erasing.receipt(receipt)
    if found is None:
        raise NotFound("There is no such receipt.", hint="A receipt is what an erasure was answered with.")
    return found


async def _erased(subject: str, services: Services, answer: Response) -> ErasureReceipt:
    receipt = await services.erasing.erase(subject, datetime.now(UTC))
    answer.status_code = 200 if receipt.state == "done" else 202
    return receipt
