"""POST /v1/interactions: what customers did."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request

from app.api.auth import require
from app.api.bodies import MOST_BATCH_BYTES, read
from app.api.cloudevents import parsed, raw_events
from app.api.dependencies import ServicesOf
from app.api.openapi import WITH_A_BODY, event_bodies, refusals
from app.errors import NoPolicy, NoRoom, NothingAccepted
from app.services import Services
from profiles.errors import BadFields
from schemas.interaction import Accepted, CloudEvent, Refusal

router = APIRouter(tags=["interactions"])


@router.post(
    "/v1/interactions",
    status_code=202,
    dependencies=[Depends(require("ingest"))],
    openapi_extra=event_bodies(),
    responses=refusals(*WITH_A_BODY, NoPolicy, NothingAccepted, NoRoom),
)
async def accept_interactions(request: Request, services: ServicesOf) -> Accepted:
    """Takes CloudEvents: one (structured or binary mode) or a batch of up to 1,000.

    Each is judged by itself: the good ones are accepted, the others listed with index, reason and hint.
    """
    raw = raw_events(request.headers, await read(request, MOST_BATCH_BYTES))
    events, refused = parsed(raw)
    refused += await _ingested(events, services)
    accepted = len(raw) - len(refused)
    services.metrics.count("interactions_accepted", accepted)
    services.metrics.count("interactions_refused", len(refused))
    refused.sort(key=lambda each: each.index)
    if refused and not accepted:
        raise NothingAccepted(errors=[each.model_dump(exclude_none=True) for each in refused])
    return Accepted(accepted=accepted, refused=tuple(refused))


async def _ingested(events: dict[int, CloudEvent], services: Services) -> list[Refusal]:
    results = await services.ingestion.accept(list(events.values()), datetime.now(UTC))
    found: Any = zip(events.items(), results, strict=True)
    return [
        Refusal(index=index, id=event.id, reason=result.reason, hint=result.hint)
        for (index, event), result in found
        if isinstance(result, BadFields)
    ]
