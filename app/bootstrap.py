"""The one place where parts are joined. Nothing is opened before it is asked for."""

import asyncio
import faulthandler
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from app import COMPILED
from app.actions import Actions
from app.answering import Answering
from app.api import create_app
from app.availability import Availability
from app.customers import Customers
from app.decisioning import Decisioning
from app.embedded import url_file
from app.erasing import Erasing
from app.errors import NoStore
from app.explaining import Explaining
from app.identities import Identities
from app.ingestion import Ingestion
from app.keys import Verifier
from app.lifecycle.policies import Policies
from app.liveness import Liveness
from app.log_choice import log_of, ready_for_log
from app.metrics import OF_WORKERS, Metrics
from app.metrics_server import metrics_server
from app.past import PastPolicies
from app.publishing import LivePolicies, PolicyStore
from app.responding import Responding
from app.room import Room
from app.scorecard import ScorecardReader
from app.services import Services
from app.settings import Settings
from app.status import Status
from app.workers import Joining, Runs, run_all
from consumers.garbage import collect_rarely
from consumers.stopping import Stopping
from profiles.connection import RETRIES, Redis, connected, wait_until_ready
from profiles.registry import Registry
from profiles.store import CustomerStore
from rules.arbitration import NothingLearned

log = logging.getLogger(__name__)

STORE_WITHIN_S = 30.0
STOP_WITHIN_S = 9.0
"""How long a worker may take to stop, whatever Redis does: containers are killed after ten seconds as a rule."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What every process stands on."""

    redis: Redis
    store: CustomerStore
    registry: Registry
    policies: PolicyStore


def redis_url(settings: Settings) -> str:
    """The Redis that is configured, or the embedded one of this folder. Raises NoStore."""
    if settings.redis is not None:
        return settings.redis
    try:
        return url_file(settings.var).read_text().strip()
    except FileNotFoundError as cause:
        hint = "start `opportune up` in this folder, or set OPPORTUNE_REDIS"
        raise NoStore("there is no Redis to work with", hint=hint) from cause


@asynccontextmanager
async def opened(settings: Settings, retries: int = RETRIES) -> AsyncIterator[Parts]:
    """Raises NoStore and StoreUnavailable."""
    async with connected(redis_url(settings), retries=retries) as redis:
        await wait_until_ready(redis, STORE_WITHIN_S)
        registry = Registry(redis)
        store = await CustomerStore.open(redis, settings.shards, settings.replicas_needed, log_of(settings))
        yield Parts(redis, store, registry, PolicyStore(registry))


@asynccontextmanager
async def following(policies: PolicyStore) -> AsyncIterator[LivePolicies]:
    """The live policy, followed until the end."""
    live = LivePolicies(policies)
    await live.look()
    task = asyncio.create_task(live.follow())
    try:
        yield live
    finally:
        live.stop()
        await task


def room_of(settings: Settings, store: CustomerStore) -> Room:
    return Room(store, settings.outbox_most, kept=0 if settings.kafka else settings.log_keep)


def build_api(settings: Settings) -> FastAPI:
    metrics = Metrics(without=OF_WORKERS)

    @asynccontextmanager
    async def opening() -> AsyncIterator[Services]:
        async with (
            opened(settings) as parts,
            following(parts.policies) as live,
            room_of(settings, parts.store).watched() as room,
            Availability(parts.redis).watched() as available,
        ):
            decisioning = Decisioning(parts.store, live, NothingLearned(), metrics, settings.decision_keep)
            yield Services(
                ingestion=Ingestion(parts.store, live, room.require),
                decisioning=decisioning,
                answering=Answering(decisioning, live, available, metrics, settings.decision_deadline),
                explaining=Explaining(parts.store, PastPolicies(parts.policies, live), NothingLearned()),
                responding=Responding(parts.store, live, metrics),
                customers=Customers(parts.store, live),
                actions=Actions(parts.store),
                identities=Identities(parts.store, live),
                erasing=Erasing(parts.store, parts.registry),
                scorecard=ScorecardReader(parts.store),
                policies=Policies(parts.policies.lifecycle),
                status=Status(parts.store, live, settings.durability, settings.replicas_needed),
                keys=Verifier(parts.registry, available),
                store=available,
                metrics=metrics,
            )

    return create_app(opening, metrics)


async def run_worker(settings: Settings, roles: frozenset[str]) -> None:
    """Does its roles until SIGTERM or SIGINT; the batch in hand is finished. A second signal ends it at once,
    STOP_WITHIN_S in the end: what is half done is done again by others (docs/exactly-once.md).

    Raises StartError and LogMisfit for what an operator has to mend, also while it runs.
    """
    metrics, liveness, stopping = Metrics(), Liveness(), Stopping()
    running: list[Runs] = []
    async with opened(settings, retries=0) as parts, following(parts.policies) as live:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _stop, stopping, live, running)
        with metrics_server(metrics, liveness, settings.host, settings.metrics_port) as address:
            if await ready_for_log(settings, parts.store, stopping) and not stopping.asked:
                name = settings.instance or worker_name()
                joining = Joining(settings, parts.redis, parts.store, parts.registry, live, metrics, liveness, name)
                running += joining.parts(roles)
                collect_rarely()
                log.info(
                    "worker started", extra={"roles": ",".join(sorted(roles)), "metrics": address, "compiled": COMPILED}
                )
                await run_all(running, stopping)
    faulthandler.cancel_dump_traceback_later()
    log.info("worker stopped")


def _stop(stopping: Stopping, live: LivePolicies, running: Sequence[Runs]) -> None:
    faulthandler.dump_traceback_later(STOP_WITHIN_S, exit=True)  # says where it hangs, and ends also a blocked process
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)
    stopping.ask()
    live.stop()
    for part in running:
        part.stop()


def worker_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
