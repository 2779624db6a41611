"""Liveness, readiness and metrics: for machines, without a key."""

from fastapi import APIRouter, Response

from app.api.dependencies import ServicesOf
from app.api.openapi import problems
from app.errors import StoreAway
from app.metrics import CONTENT_TYPE
from schemas.status import Ready

ANSWERS_WITHIN_S = 1.0
"""A probe of an orchestrator gives up soon after."""

router = APIRouter(tags=["operation"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses=problems([StoreAway]))
async def ready(services: ServicesOf) -> Ready:
    """Redis answers; 503 otherwise. `"policy": null` says that none is published yet: calls then answer 409."""
    return await services.store.ask(services.status.ready, ANSWERS_WITHIN_S)


@router.get("/metrics", response_class=Response)
async def metrics(services: ServicesOf) -> Response:
    """Prometheus metrics of this process."""
    return Response(services.metrics.page(), media_type=CONTENT_TYPE)
