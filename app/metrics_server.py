"""The metrics page of a worker, which has no API: a small HTTP server in a thread of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from app.metrics import Metrics


@contextmanager
def metrics_server(metrics: Metrics, host: str, port: int) -> Iterator[str]:
    """Serves the page on `host:port` (0 takes a free one) and gives its address."""
    server, thread = start_http_server(port, host, metrics.registry)
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
