"""/v1/policies and /v1/audit: drafts, approvals, what is live and when, differences, and the log of it all."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.api.auth import require
from app.api.bodies import MOST_BATCH_BYTES, json_body
from app.api.dependencies import ServicesOf
from app.api.openapi import APPROVAL, DRAFT, PUBLISHING, ROLLING_BACK, WITH_A_BODY, body, refusals
from app.errors import LiveChanged, NotApproved, PolicyRefused, SameEyes, StoreBusy, UnknownRevision, WrongState
from app.keys import Holder
from app.lifecycle.book import Who
from schemas.difference import PolicyDifferences
from schemas.revision import (
    AuditPage,
    DraftRequest,
    LiveRequest,
    PublishRequest,
    Revision,
    RevisionContent,
    RevisionList,
    RevisionView,
    StepRequest,
)

router = APIRouter(tags=["policies"])
READS = [Depends(require("read"))]
Publisher = Annotated[Holder, Depends(require("publish"))]
Approver = Annotated[Holder, Depends(require("approve"))]
Drafted = Annotated[DraftRequest, Depends(json_body(DraftRequest, MOST_BATCH_BYTES))]
Step = Annotated[StepRequest, Depends(json_body(StepRequest))]
Publishing = Annotated[PublishRequest, Depends(json_body(PublishRequest))]
RollingBack = Annotated[LiveRequest, Depends(json_body(LiveRequest))]
CURSOR = "The `cursor` of the last answer, to go on behind it; without it the latest entries"


@router.post(
    "/v1/policies",
    status_code=201,
    openapi_extra=body(DraftRequest, DRAFT),
    responses=refusals(*WITH_A_BODY, PolicyRefused, StoreBusy),
    response_model_exclude_none=True,
)
async def draft(given: Drafted, who: Publisher, services: ServicesOf) -> RevisionView:
    """Checks a policy and keeps it as a draft, with its warnings. One that is there already stays as it is."""
    return await services.policies.draft(given.files, _who(who), given.note)


@router.get("/v1/policies", dependencies=READS, responses=refusals(), response_model_exclude_none=True)
async def revisions(services: ServicesOf) -> RevisionList:
    """Every revision with its state, the latest draft first."""
    return await services.policies.list()


@router.get(
    "/v1/policies/{revision}",
    dependencies=READS,
    responses=refusals(UnknownRevision),
    response_model_exclude_none=True,
)
async def revision(revision: Revision, services: ServicesOf) -> RevisionContent:
    """One revision, or `live`, with its files."""
    return await services.policies.content(revision)


@router.get(
    "/v1/policies/{revision}/diff/{other}", dependencies=READS, responses=refusals(UnknownRevision, PolicyRefused)
)
async def diff(revision: Revision, other: Revision, services: ServicesOf) -> PolicyDifferences:
    """What has changed from the one to the other, in business words. Each may be `live`."""
    return await services.policies.diff(revision, other)


@router.post(
    "/v1/policies/{revision}/approve",
    openapi_extra=body(StepRequest, APPROVAL),
    responses=refusals(*WITH_A_BODY, UnknownRevision, SameEyes, WrongState, StoreBusy),
    response_model_exclude_none=True,
)
async def approve(revision: Revision, given: Step, who: Approver, services: ServicesOf) -> RevisionView:
    """Approves a draft of somebody else."""
    return await services.policies.approve(revision, _who(who), given.note)


@router.post(
    "/v1/policies/{revision}/publish",
    openapi_extra=body(PublishRequest, PUBLISHING),
    responses=refusals(*WITH_A_BODY, UnknownRevision, NotApproved, WrongState, LiveChanged, PolicyRefused, StoreBusy),
    response_model_exclude_none=True,
)
async def publish(revision: Revision, given: Publishing, who: Publisher, services: ServicesOf) -> RevisionView:
    """Makes a revision live, now or `at` a time."""
    at: datetime | None = given.at
    return await services.policies.publish(revision, _who(who), given.note, given.live, at)


@router.post(
    "/v1/policies/{revision}/rollback",
    openapi_extra=body(LiveRequest, ROLLING_BACK),
    responses=refusals(*WITH_A_BODY, UnknownRevision, WrongState, LiveChanged, PolicyRefused, StoreBusy),
    response_model_exclude_none=True,
)
async def roll_back(revision: Revision, given: RollingBack, who: Publisher, services: ServicesOf) -> RevisionView:
    """Makes this revision, which was live before, live again. The one that is live needs a new approval."""
    return await services.policies.roll_back(revision, _who(who), given.note, given.live)


@router.post(
    "/v1/policies/{revision}/withdraw",
    openapi_extra=body(StepRequest, APPROVAL),
    responses=refusals(*WITH_A_BODY, UnknownRevision, WrongState, StoreBusy),
    response_model_exclude_none=True,
)
async def withdraw(revision: Revision, given: Step, who: Publisher, services: ServicesOf) -> RevisionView:
    """Takes a revision off the schedule, and its approval away."""
    return await services.policies.withdraw(revision, _who(who), given.note)


@router.get("/v1/audit", dependencies=READS, responses=refusals(), response_model_exclude_none=True)
async def audit(
    services: ServicesOf,
    after: Annotated[str | None, Query(description=CURSOR, pattern=r"^\d{1,19}-\d{1,19}$")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many")] = 100,
) -> AuditPage:
    """Every step in the life of policies: who, what, when. Nothing is ever removed from it."""
    return await services.policies.audit(after, limit)


def _who(holder: Holder) -> Who:
    return Who(holder.name, holder.id)
