"""`opportune up`: Redis, one worker and one API process on this machine, as long as it runs.

Each of them is started again when it dies. The socket of the API is opened here and handed on, so that a port
in use is noticed before anything is started, and callers wait rather than fail while the API starts anew.
They are stopped in the order API, worker, Redis, also when the start is interrupted half-way.
"""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app import ROOT
from app.children import Child
from app.embedded import EmbeddedRedis
from app.errors import StartError
from app.kafka import topics_as_planned
from app.keys import KeyStore
from app.serving import FINISH_WITHIN_S, listening, url_of
from app.settings import PREFIX, Settings
from profiles.connection import connected, wait_until_ready
from profiles.registry import Registry
from schemas.keys import SCOPES

STORE_WITHIN_S = 30.0
READY_WITHIN_S = 60.0
STOP_WITHIN_S = FINISH_WITHIN_S + 5.0
PROBE_EVERY_S = 0.05
FIRST_KEY = "first"
FINDS_STORE = (f"{PREFIX}VAR", f"{PREFIX}REDIS")
"""What is told with its value."""
FIRST_SCOPES = tuple(scope for scope in SCOPES if scope != "approve")


@dataclass(frozen=True, slots=True)
class Up:
    """What runs, for those who want to use it."""

    api: str
    redis: str
    var: Path | None
    """The folder of the embedded Redis; None where Redis is somebody else's."""
    worker_metrics: str | None
    """Where OPPORTUNE_METRICS_PORT fixes it; otherwise the worker takes a free port and logs it."""
    new_key: str | None
    """The token of the key that this start made; it is kept nowhere."""
    others: tuple[str, ...] = ()
    """Names of the other settings made here: commands in another terminal need them too."""


async def run_up(settings: Settings, environ: Mapping[str, str], announce: Callable[[Up], None]) -> None:
    """Returns when SIGINT or SIGTERM came and everything has ended. Raises StartError and StoreUnavailable."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        up = await _unless(stop, _start(settings, environ, stack))
        if up is not None:
            announce(up)
            await stop.wait()


async def _unless(stop: asyncio.Event, starting: Awaitable[Up]) -> Up | None:
    """What `starting` gives, or None if the stop comes first."""
    task, stopped = asyncio.ensure_future(starting), asyncio.ensure_future(stop.wait())
    await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


async def _start(settings: Settings, environ: Mapping[str, str], stack: AsyncExitStack) -> Up:
    bound = stack.enter_context(listening(settings.host, settings.port))
    await _check_log(settings)
    redis_url, var = await _redis(settings, stack)
    known = {**environ, "OPPORTUNE_REDIS": redis_url, "PYTHONPATH": _python_path(environ)}
    known.setdefault("OPPORTUNE_INSTANCE", f"up-{secrets.token_hex(4)}")  # one that is started again is the same worker
    worker = Child("worker", _ourselves("worker"), environ=known)
    stack.push_async_callback(worker.stop, STOP_WITHIN_S)
    await worker.start()
    descriptor = bound.fileno()
    api = Child("api", _ourselves("serve", "--socket", str(descriptor)), environ=known, keep_open=(descriptor,))
    stack.push_async_callback(api.stop, STOP_WITHIN_S)
    await api.start(lambda: _answers(url_of(bound)))
    new_key = await first_key(redis_url)  # last: a start that fails must not have made a key that nobody saw
    others = tuple(sorted(each for each in environ if each.startswith(PREFIX) and each not in FINDS_STORE))
    return Up(url_of(bound), redis_url, var, _worker_metrics(settings), new_key, others)


async def _check_log(settings: Settings) -> None:
    """Raises BadSettings, LogMisfit and LogUnavailable: better here than in the log of a worker."""
    if settings.kafka:
        await topics_as_planned(settings, only_check=True)


def _worker_metrics(settings: Settings) -> str | None:
    return f"http://{settings.host}:{settings.metrics_port}/metrics" if settings.metrics_port else None


async def _redis(settings: Settings, stack: AsyncExitStack) -> tuple[str, Path | None]:
    if settings.redis is not None:
        return settings.redis, None
    embedded = EmbeddedRedis(settings.var, settings.durability)
    stack.push_async_callback(embedded.stop)
    await embedded.start()
    return embedded.url, embedded.var


async def first_key(redis_url: str) -> str | None:
    """The token of a key for everything but approving policies, where there was none yet. A key that approves is for
    somebody else: as soon as there is one, nobody publishes alone."""
    async with connected(redis_url) as redis:
        await wait_until_ready(redis, STORE_WITHIN_S)
        keys = KeyStore(Registry(redis))
        if await keys.all():
            return None
        return (await keys.make(FIRST_KEY, FIRST_SCOPES, datetime.now(UTC))).token


async def _answers(url: str) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN_S), httpx.AsyncClient(base_url=url, trust_env=False) as client:
            while not await _ready(client):  # noqa: ASYNC110 (another process cannot set an event here)
                await asyncio.sleep(PROBE_EVERY_S)
    except TimeoutError as cause:
        raise StartError(f"the API did not answer within {READY_WITHIN_S:g} s", hint="its log says why") from cause


async def _ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _ourselves(*command: str) -> list[str]:
    """One of our own commands; `-P` so that the folder it is called from cannot shadow our packages."""
    return [sys.executable, "-P", "-m", "app", *command]


def _python_path(environ: Mapping[str, str]) -> str:
    others = environ.get("PYTHONPATH")
    return f"{ROOT}{os.pathsep}{others}" if others else str(ROOT)
