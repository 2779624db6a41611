"""The door of the application: the calls that come thousands of times a second go in past all that the others need.

Of what FastAPI and Starlette put around every call, eight layers and a search through the routes, these need two
things, and have them: `Around`, and a problem for what is refused (app/api/hot.py). They are found by their path.
"""

from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.api.hot import ROUTES
from app.api.middleware import Around
from app.metrics import Metrics


class Door(FastAPI):
    """Whatever does not fit exactly, such as another method, goes the way of all others and is told so there."""

    def __init__(self, metrics: Metrics, **described: Any) -> None:
        super().__init__(**described)
        self.router.routes.extend(ROUTES)
        self.add_middleware(Around, metrics=metrics)
        self._hot = {route.path: (route, Around(route.answered, metrics)) for route in ROUTES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._hot.get(scope.get("path", ""))
        if found is None or scope["type"] != "http" or scope["method"] != "POST":
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        scope["route"], answered = found
        await answered(scope, receive, send)
