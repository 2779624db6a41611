"""`opportune up`: Redis, API and worker as children of one process.

Each is started again when it dies. They are stopped in the order API, worker, Redis, so that what was accepted is
still folded or kept.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from rich.console import Console

from app.bootstrap import opened
from app.children import Child
from app.embedded import EmbeddedRedis
from app.keys import KeyStore
from app.logs import set_up
from app.server import listening
from app.settings import Settings
from schemas.keys import SCOPES

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0
PROBE_EVERY_S = 0.05


async def run_up(settings: Settings, console: Console) -> None:
    """Runs until SIGINT or SIGTERM. Raises StartError if something cannot start."""
    set_up(settings.log_level)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    settings = with_free_port(settings)
    async with AsyncExitStack() as running:
        url = await running.enter_async_context(redis_of(settings))
        environ = child_environ(os.environ, settings, url)
        token = await first_key(replace(settings, redis=url))
        await running.enter_async_context(child("worker", environ))
        await running.enter_async_context(child("serve", environ))
        await ready(settings, stopping)
        if not stopping.is_set():
            console.print(where_to_look(settings, url, token), highlight=False, soft_wrap=True)
        await stopping.wait()
        console.print("stopping", highlight=False)


def with_free_port(settings: Settings) -> Settings:
    """Takes a free port where 0 is configured. Raises PortInUse where the configured one is taken."""
    with listening(settings.host, settings.port) as probe:
        return replace(settings, port=probe.getsockname()[1])


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[str]:
    """The URL of the Redis that is configured, or of one that runs as long as this."""
    if settings.redis is not None:
        yield settings.redis
        return
    redis = EmbeddedRedis(settings.var, settings.durability)
    await redis.start()
    try:
        yield redis.url
    finally:
        await redis.stop()


@asynccontextmanager
async def child(command: str, environ: Mapping[str, str]) -> AsyncIterator[Child]:
    process = Child(command, [sys.executable, "-m", "app", command], environ=environ)
    try:
        await process.start()
        yield process
    finally:
        await process.stop(STOP_WITHIN_S)


def child_environ(environ: Mapping[str, str], settings: Settings, url: str) -> dict[str, str]:
    return {**environ, "OPPORTUNE_REDIS": url, "OPPORTUNE_PORT": str(settings.port)}


async def first_key(settings: Settings) -> str | None:
    """Makes a key for everything in a store that has none."""
    async with opened(settings) as parts:
        keys = KeyStore(parts.registry)
        if await keys.all():
            return None
        return (await keys.make("first", SCOPES, datetime.now(UTC))).token


async def ready(settings: Settings, stopping: asyncio.Event) -> None:
    """Returns when the API is ready, or somebody stops it. It is a child, so it is tried until it is."""
    async with httpx.AsyncClient() as client, asyncio.timeout(READY_WITHIN_S):
        while not (stopping.is_set() or await _answers(client, f"{address(settings)}/readyz")):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(PROBE_EVERY_S)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def address(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 (compared, not bound)
    return f"http://{host}:{settings.port}"


def where_to_look(settings: Settings, url: str, token: str | None) -> str:
    api = address(settings)
    socket_path = url.removeprefix("unix://")
    redis_cli = f"redis-cli -s {socket_path}" if url.startswith("unix://") else f"redis-cli -u {without_password(url)}"
    lines = [
        "[bold]Opportune is up.[/bold] Ctrl-C stops it.",
        f"  API       {api}/v1 · documentation {api}/docs",
        f"  health    {api}/readyz · metrics {api}/metrics",
        f"  Redis     {redis_cli}",
        "  next      opportune publish examples/bank-contact-centre · opportune keys make · opportune scorecard",
    ]
    if token is not None:
        lines.append(f"  first key, shown once (all scopes):\n            {token}")
    return "\n".join(lines)


def without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
