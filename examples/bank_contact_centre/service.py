"""The embedded service, as a child process with a state folder of its own.

Promises that a run begins with an empty folder, that a folder in use is left alone, and that what was started
is stopped by its process id, however the demo ends.
"""

import asyncio
import fcntl
import os
import shutil
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from app.launcher import launched
from examples.bank_contact_centre.client import Connection, RefusedError, UnreachableError

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "examples" / "bank-contact-centre"
HOST = "127.0.0.1"
USUAL_PORT = 8080
SCOPES = "ingest,decide,respond,read"
UP_WITHIN_S = 60.0
LIVE_WITHIN_S = 30.0
STOP_WITHIN_S = 30.0
LOOK_EVERY_S = 0.1
LOG = "demo.log"


class ServiceError(Exception):
    """The service could not be brought up, or ended."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service with the policy live."""

    port: int
    key: str
    revision: str
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def connect(self) -> Connection:
        return Connection(HOST, self.port, self.key)


@asynccontextmanager
async def running_service(var: Path, port: int | None = None) -> AsyncIterator[Service]:
    """Starts it on an emptied folder and publishes the policy; stops it at the end. Raises ServiceError."""
    empty(var)
    port = port or free_port()
    environ = environment(var, port)
    log = var / LOG
    with log.open("ab") as output:
        up = await asyncio.create_subprocess_exec(
            *launched([sys.executable, "-m", "app", "up"]),
            cwd=ROOT,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is for us; we stop it in order
        )
    try:
        yield await _made_ready(up, port, environ, log)
    finally:
        await _stop(up)


async def _made_ready(up: Process, port: int, environ: dict[str, str], log: Path) -> Service:
    async with Connection(HOST, port) as connection:
        await _until(up, log, lambda: _answers(connection), UP_WITHIN_S, "answer")
        key = (await _command(environ, "keys", "make", "demo", "--scopes", SCOPES)).split()[-1]
        published = await _command(environ, "publish", str(POLICY))
        await _until(up, log, lambda: _live(connection, published), LIVE_WITHIN_S, "take the policy over")
        ready = await connection.get("/readyz")
    return Service(port, key, ready["policy"], log)


async def _answers(connection: Connection) -> bool:
    try:
        await connection.get("/readyz")
    except UnreachableError:
        return False
    except RefusedError:
        return True  # it is there, and not ready: there is no policy yet
    return True


async def _live(connection: Connection, published: str) -> bool:
    """Whether the revision that is live is the one whose name `publish` has printed."""
    try:
        ready = await connection.get("/readyz")
    except RefusedError:
        return False
    return bool(ready.get("policy")) and ready["policy"] in published


async def _until(
    up: Process, log: Path, holds: Callable[[], Coroutine[Any, Any, bool]], within_s: float, what: str
) -> None:
    give_up = monotonic() + within_s
    while not await holds():
        if up.returncode is not None:
            raise ServiceError(f"the service ended with exit code {up.returncode}:\n{tail(log)}")
        if monotonic() > give_up:
            raise ServiceError(f"the service did not {what} within {within_s:g} s; see {log}:\n{tail(log)}")
        await asyncio.sleep(LOOK_EVERY_S)


async def _command(environ: dict[str, str], *words: str) -> str:
    """What the command prints. Raises ServiceError with what it complains of."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words),
        cwd=ROOT,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, complaint = await process.communicate()
    finally:
        await _stop(process)
    if process.returncode:
        said = (complaint or printed).decode().strip()
        raise ServiceError(f"`opportune {' '.join(words)}` failed:\n{said}")
    return printed.decode()


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def environment(var: Path, port: int) -> dict[str, str]:
    """Ours without any setting of Opportune, so that the demo never touches another installation."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    return inherited | {
        "OPPORTUNE_VAR": str(var),
        "OPPORTUNE_HOST": HOST,
        "OPPORTUNE_PORT": str(port),
        "COLUMNS": "200",
    }


def empty(var: Path) -> None:
    """Removes what an earlier run has left. Raises ServiceError if it still runs, or is not ours to remove."""
    if var.exists():
        if any(var.iterdir()) and not (var / LOG).exists():
            raise ServiceError(f"{var} is not the folder of a demo; name an empty one with --var")
        with suppress(FileNotFoundError), (var / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ServiceError(f"an Opportune runs on {var}: stop it, or name another folder with --var") from None
        shutil.rmtree(var)
    var.mkdir(mode=0o700, parents=True)


def free_port() -> int:
    """The usual port, or any other if somebody has it."""
    for port in (USUAL_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise ServiceError("no port is free on this machine")


def tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])
