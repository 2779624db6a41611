"""The FastAPI application of one process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from app.api import customers, decisions, health, interactions, problems, responses, scorecard
from app.api.middleware import Around
from app.metrics import Metrics
from app.services import Services
from schemas.decision import DecisionRequest
from schemas.interaction import CloudEvent
from schemas.response import ResponseRequest

DESCRIPTION = "The next best action, at the opportune moment."
READ_BY_ROUTES = (CloudEvent, DecisionRequest, ResponseRequest)
"""Bodies that routes read by themselves; OpenAPI is told of them here."""

Opening = Callable[[], AbstractAsyncContextManager[Services]]


def create_app(opening: Opening, metrics: Metrics) -> FastAPI:
    """`opening` gives the services when the application starts, and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening() as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Opportune",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
        responses=problems.documented(),
    )
    for part in (interactions, decisions, responses, customers, scorecard, health):
        app.include_router(part.router)
    problems.install(app)
    app.add_middleware(Around, metrics=metrics)
    _describe_bodies(app)
    return app


def _describe_bodies(app: FastAPI) -> None:
    made = app.openapi

    def with_bodies() -> dict[str, object]:
        page = made()
        schemas = page.setdefault("components", {}).setdefault("schemas", {})
        for model in READ_BY_ROUTES:
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        return page

    app.openapi = with_bodies  # type: ignore[method-assign]
