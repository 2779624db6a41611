"""Runs the API under uvicorn. A stop finishes the requests in hand."""

import socket

import uvicorn

from app.bootstrap import build_api
from app.errors import PortInUse
from app.logs import set_up
from app.settings import Settings

FINISH_WITHIN_S = 10


def run_api(settings: Settings, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT. Raises PortInUse."""
    set_up(settings.log_level)
    config = uvicorn.Config(
        build_api(settings),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=FINISH_WITHIN_S,
    )
    with listening(host, port) as listener:
        uvicorn.Server(config).run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as cause:
        listener.close()
        raise PortInUse(f"{host}:{port} is in use", hint="stop what listens there, or set OPPORTUNE_PORT") from cause
    listener.listen(2048)
    return listener
