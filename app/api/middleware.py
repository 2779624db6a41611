"""Around every request: an id, the time it took, a metric, security headers, and the last line of defence."""

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.errors import Unexpected
from app.logs import request_id
from app.metrics import Metrics

log = logging.getLogger(__name__)

GONE = 499
"""The status that metrics count for a caller who left before sending all of the body (nginx's number)."""
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class Around:
    """Plain ASGI: it adds to each request no more than it must."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = scope["started"] = time.perf_counter()
        identifier = Headers(scope=scope).get("x-request-id", "")[:64] or secrets.token_hex(8)
        token = request_id.set(identifier)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = identifier
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = GONE
            log.info("the caller went away before the body was complete")
        except Exception:
            log.exception("unexpected error")
            if status:
                raise
            await problem(Unexpected())(scope, receive, sending)
        finally:
            request_id.reset(token)
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", "unknown")
        self._metrics.count("requests", route=route, method=scope["method"], status=str(status))
        self._metrics.observe("request", seconds)
