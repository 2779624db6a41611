"""The FastAPI application of one process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import Depends, FastAPI

from app.api import (
    actions,
    customers,
    decisions,
    erasures,
    explanations,
    health,
    identities,
    openapi,
    pages,
    policies,
    problems,
    scorecard,
)
from app.api.dependencies import only_known_parameters
from app.api.door import Door
from app.metrics import Metrics
from app.services import Services

DESCRIPTION = "The next best action, at the opportune moment."

Opening = Callable[[], AbstractAsyncContextManager[Services]]


def create_app(opening: Opening, metrics: Metrics) -> FastAPI:
    """`opening` gives the services when the application starts, and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening() as services:
            app.state.services = services
            yield

    app = Door(
        metrics,
        title="Opportune",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    for part in (
        decisions,
        explanations,
        customers,
        erasures,
        identities,
        actions,
        scorecard,
        policies,
    ):
        app.include_router(part.router, dependencies=[Depends(only_known_parameters)])
    for part in (health, pages):
        app.include_router(part.router)
    problems.install(app)
    openapi.install(app)
    return app
