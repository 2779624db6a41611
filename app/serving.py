"""Runs the API under uvicorn: uvloop, httptools, and an end that lets requests in flight finish."""

import logging
import multiprocessing
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from app import COMPILED
from app.errors import PortInUse
from app.launcher import end_with_parent
from app.logs import set_up
from app.settings import Settings
from consumers.garbage import collect_rarely

FINISH_WITHIN_S = 15
"""How long requests in flight may take when the API is asked to end."""
BACKLOG = 2_048

log = logging.getLogger(__name__)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises PortInUse."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as cause:
        raise PortInUse(f"cannot listen on {host}: {cause}", hint="set OPPORTUNE_HOST") from cause
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as cause:
        bound.close()
        hint = "stop what listens there, or set OPPORTUNE_PORT to another port"
        raise PortInUse(f"cannot listen on {host}:{port}: {cause.strerror}", hint=hint) from cause
    return bound


def url_of(bound: socket.socket) -> str:
    """Where this machine reaches it."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"


def serve(bound: socket.socket, workers: int, application: str = "app.serving:api") -> None:
    """Serves until SIGTERM or SIGINT. `application`: what makes it in each process."""
    config = uvicorn.Config(
        application,
        factory=True,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=FINISH_WITHIN_S,
    )
    log.info("serving", extra={"url": url_of(bound), "workers": workers, "compiled": COMPILED})
    if workers > 1:
        Multiprocess(config, sockets=[bound]).run()
        return
    server = uvicorn.Server(config)
    server.run(sockets=[bound])
    if not server.started:
        sys.exit(1)


def api() -> FastAPI:
    """The application of this process, made of its environment. uvicorn calls it in each of its processes."""
    from app.bootstrap import build_api  # what uvicorn's own supervisor need not load

    supervisor = multiprocessing.parent_process()
    if supervisor is not None and supervisor.pid is not None:
        end_with_parent(supervisor.pid)
    settings = Settings.from_env(os.environ)
    set_up(settings.log_level)
    collect_rarely()
    return build_api(settings)
