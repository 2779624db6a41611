"""POST /v1/identities/link and /v1/identities/unlink: who is who, by hand."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from app.api.auth import require
from app.api.bodies import json_body
from app.api.dependencies import ServicesOf
from app.api.openapi import LINK, WITH_A_BODY, body, refusals
from app.errors import IdentifierTaken, NoPolicy, NotLinked
from schemas.identity import LinkRequest

router = APIRouter(tags=["identities"], dependencies=[Depends(require("admin"))])
Given = Annotated[LinkRequest, Depends(json_body(LinkRequest))]


@router.post(
    "/v1/identities/link",
    status_code=202,
    openapi_extra=body(LinkRequest, LINK),
    responses=refusals(*WITH_A_BODY, NoPolicy, IdentifierTaken),
)
async def link(given: Given, services: ServicesOf) -> LinkRequest:
    """The identifier belongs to the owner, with all its history, as if an event had named both. It lifts an undoing."""
    await services.identities.link(given, datetime.now(UTC))
    return given


@router.post(
    "/v1/identities/unlink",
    status_code=202,
    openapi_extra=body(LinkRequest, LINK),
    responses=refusals(*WITH_A_BODY, NotLinked),
)
async def unlink(given: Given, services: ServicesOf) -> LinkRequest:
    """Undoes a link: each has what was said under it alone. Events that name both do not link them again."""
    await services.identities.unlink(given, datetime.now(UTC))
    return given
