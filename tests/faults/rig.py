"""Real servers and production processes for one scenario: Kafka, Redis, the API, workers, and a policy.

Redis is reached by a link in a folder, so that clients can be pointed to another one (`point_to`).
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import yaml
from redis.asyncio import Redis

from app.keys import KeyStore
from app.launcher import launched
from app.publishing import PolicyStore
from consumers.kafka.admin import ensure_topics
from consumers.kafka.topics import LogPlan
from consumers.live import LivePolicy
from consumers.shares import WORKERS
from profiles.connection import connected
from profiles.log_stream import TAKEN_IN
from profiles.registry import Registry
from profiles.store import CustomerStore
from rules.policy import check
from tests.builders import CATALOGUE, SHOP
from tests.e2e.service import ROOT, free_port
from tests.kafka_server import KafkaServer
from tests.servers import RedisServer

SHARDS, PARTITIONS = 8, 4
MOST_PER_OFFER = 2
PATIENCE_S = 90.0
RETENTION_MS = 7 * 86_400_000
SCOPES = ["ingest", "decide", "respond", "read"]
PURCHASE = {"channel": "web", "fields": {"n": "int!", "owner": "string!"}}
POLICY: dict[str, Any] = {
    **CATALOGUE,
    "policy": {"name": "faults"},
    "identifiers": {"phone": {}},
    "interactions": {"purchase": PURCHASE},
    "outcomes": SHOP["outcomes"],
    "features": {
        "count": {"count": "purchase"},
        "total": {"sum": "event.n", "of": "purchase"},
    },
    "session": {"idle": "3s"},
    "contact_policy": {"caps": [{"id": "twice", "per": "offer", "at_most": MOST_PER_OFFER, "within": "7d"}]},
}


def policy_of(**sections: Any) -> tuple[LivePolicy, dict[str, str]]:
    """Compiled, and its files."""
    files = {"policy.yaml": yaml.safe_dump({**POLICY, **sections}, sort_keys=False)}
    checked = check(files)
    errors = [str(each) for each in checked.findings if each.severity == "error"]
    assert not errors, errors
    return LivePolicy.compiled(checked), files


class Rig:
    def __init__(self, kafka: KafkaServer, server: RedisServer, folder: Path, replication: int) -> None:
        self.kafka = kafka
        self.server = server
        self._folder = folder
        self._run = uuid4().hex[:6]
        self._link = folder / "redis.sock"
        self.point_to(server)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.url, self.token = "", ""
        self._replication = replication
        ours = {
            "REDIS": f"unix://{self._link}",
            "LOG_LEVEL": "error",
            "LOG_KEEP": "1000000",
            "METRICS_PORT": "0",
            "SHARDS": str(SHARDS),
            "KAFKA": kafka.servers,
            "KAFKA_PARTITIONS": str(PARTITIONS),
            "KAFKA_REPLICATION": str(replication),
            "KAFKA_SECRET": "nobody knows",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
        self.environ = {**inherited, **{f"OPPORTUNE_{name}": value for name, value in ours.items()}}

    def point_to(self, server: RedisServer) -> None:
        """New connections go there."""
        self.server = server
        new = self._folder / "new.sock"
        new.symlink_to(server.socket)
        new.replace(self._link)

    def connected(self) -> Any:
        return connected(self.environ["OPPORTUNE_REDIS"])

    async def prepare(self) -> None:
        """Topics, a live policy and a key."""
        await self.kafka.delete_topics()
        await ensure_topics(self.kafka.connection, LogPlan(PARTITIONS, self._replication, RETENTION_MS))
        async with self.connected() as redis:
            await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
            await self.publish(redis, *policy_of())
            self.token = (await KeyStore(Registry(redis)).make("tests", SCOPES, datetime.now(UTC))).token

    @staticmethod
    async def publish(redis: Redis, policy: LivePolicy, files: dict[str, str]) -> None:
        await PolicyStore(Registry(redis)).publish(policy, files)

    def worker_environ(self, name: str) -> dict[str, str]:
        """A worker that is started again under its name is the same member of the group."""
        return {**self.environ, "OPPORTUNE_INSTANCE": f"{self._run}-{name}"}

    def start_worker(self, name: str) -> None:
        self.workers[name] = self._started(self.worker_environ(name), name, "worker")

    async def works(self, name: str) -> None:
        """Returns when a worker that had signed off has reported: then it folds."""
        async with self.connected() as redis, asyncio.timeout(PATIENCE_S):
            while await redis.zscore(WORKERS, f"{self._run}-{name}") is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    def send(self, name: str, number: signal.Signals) -> None:
        self.workers[name].send_signal(number)

    def ended(self) -> list[str]:
        """The workers that have ended by themselves."""
        return [name for name, process in self.workers.items() if process.poll() is not None]

    def require_workers(self) -> None:
        """Fails where one has ended by itself."""
        assert not self.ended(), f"{self.ended()} ended:\n{self.said()}"

    async def kill_worker(self, name: str) -> None:
        await self.end_worker(name, signal.SIGKILL)

    async def end_worker(self, name: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        process = self.workers.pop(name)
        process.send_signal(number)
        return await asyncio.to_thread(process.wait, PATIENCE_S)

    async def start_api(self) -> subprocess.Popen[bytes]:
        port = free_port()
        process = self._started(self.environ, "api", "serve", "--port", str(port))
        self.url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE_S):
            while not await _is_ready(client, self.url):
                assert process.poll() is None, self.said()
                await asyncio.sleep(0.1)
        return process

    def _started(self, environ: dict[str, str], name: str, *command: str) -> subprocess.Popen[bytes]:
        """In a session of its own, like Redis and Kafka, and like any service: Linux shares the cores among sessions,
        and clients, API and workers in one would have what one of them should have."""
        with (self._folder / f"{name}.log").open("ab") as output:
            run = launched([sys.executable, "-m", "app", *command])
            return subprocess.Popen(run, cwd=ROOT, env=environ, stdout=output, stderr=output, start_new_session=True)

    def said(self) -> str:
        """The end of what all processes have logged."""
        logs = {each.stem: each.read_text(errors="replace")[-2_000:] for each in self._folder.glob("*.log")}
        return "\n".join(f"-- {name}\n{text}" for name, text in logs.items() if text)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@asynccontextmanager
async def rig(
    kafka: KafkaServer, workers: tuple[str, ...] = ("a", "b"), *, redis: RedisServer | None = None, replication: int = 1
) -> AsyncIterator[Rig]:
    """`redis`: one that runs already; otherwise one of its own with an append-only file (`everysec`)."""
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="opp-f-")))
        server = redis or running.enter_context(RedisServer("--appendonly", "yes", "--appendfsync", "everysec"))
        found = Rig(kafka, server, folder, replication)
        await found.prepare()
        api = await found.start_api()
        running.callback(_end, api)
        running.callback(_end_all, found.workers)
        for name in workers:
            found.start_worker(name)
        yield found


def _end_all(workers: dict[str, subprocess.Popen[bytes]]) -> None:
    for each in workers.values():
        _end(each)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
