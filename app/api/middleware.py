"""Around every request: an id, the time it took, a metric, security headers, and the last line of defence."""

import logging
import time
from os import urandom

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.errors import Unexpected
from app.logs import request_id
from app.metrics import Metrics

log = logging.getLogger(__name__)

GONE = 499
"""The status that metrics count for a caller who left before sending all of the body (nginx's number)."""
ID = b"x-request-id"
LONGEST_ID = 64
SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)
OURS = frozenset(name for name, _ in SECURITY)


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
        given = next((value for name, value in scope["headers"] if name == ID), b"")[:LONGEST_ID]
        identifier = given or urandom(8).hex().encode()
        token = request_id.set(identifier.decode("latin-1"))
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_ours(message["headers"], identifier)
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


def with_ours(headers: list[tuple[bytes, bytes]], identifier: bytes) -> list[tuple[bytes, bytes]]:
    """What a route says of its own about security stands. Names are in lower case, as ASGI has them."""
    said = OURS.intersection([name for name, _ in headers])
    ours = SECURITY if not said else [each for each in SECURITY if each[0] not in said]
    return [*headers, (ID, identifier), *ours]
