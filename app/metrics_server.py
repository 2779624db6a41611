"""The pages of a worker, which has no API: `/metrics`, and `/healthz` for whoever starts it again. A small HTTP server
in a thread of its own."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from app.liveness import Liveness
from app.metrics import CONTENT_TYPE, Metrics

Start = Callable[[str, list[tuple[str, str]]], Any]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is the library's)
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


@contextmanager
def metrics_server(metrics: Metrics, liveness: Liveness, host: str, port: int) -> Iterator[str]:
    """Serves on `host:port` (0 takes a free one) and gives the address of the metrics."""

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            start("200 OK", [("Content-Type", CONTENT_TYPE)])
            return [metrics.page()]
        complaints = liveness.complaints()
        start("503 Service Unavailable" if complaints else "200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"status": "stuck" if complaints else "alive", "reasons": list(complaints)}).encode()]

    with make_server(host, port, app, _Server6 if ":" in host else _Server, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join()
