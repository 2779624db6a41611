"""`OPPORTUNE_DURABILITY=replicated` on a real master and a real replica: what a 2xx promised survives the failover."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from redis import Redis

from app.bootstrap import build_api, opened
from app.checking import check_folder
from app.keys import KeyStore
from app.settings import Settings
from tests.e2e.service import PATIENCE_S, eventually, free_port
from tests.servers import RedisServer

pytestmark = pytest.mark.anyio

ANSWER_WITHIN_S = 5.0
"""Of a write that no replica takes: the wait is one second, and the machine may be busy."""


class Pair:
    """A master and a replica that follows it."""

    def __init__(self, running: ExitStack) -> None:
        port = free_port()
        self.master = running.enter_context(RedisServer("--repl-diskless-sync-delay", "0", port=port))
        self.replica = running.enter_context(RedisServer("--replicaof", "127.0.0.1", str(port)))
        eventually("the replica follows", lambda: self.info(self.replica)["master_link_status"] == "up")
        self._stopped = False

    @staticmethod
    def info(server: RedisServer) -> dict[str, Any]:
        with Redis(unix_socket_path=str(server.socket)) as client:
            found: dict[str, Any] = client.info("replication")
        return found

    def stop_replica(self) -> None:
        os.kill(self.replica.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.replica.pid, signal.SIGCONT)

    def fail_over(self) -> None:
        """`kill -9` of the master; the replica takes over."""
        self.master.kill()
        with Redis(unix_socket_path=str(self.replica.socket)) as client:
            client.replicaof("NO", "ONE")


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as running:
        yield Pair(running)


def settings(server: RedisServer) -> Settings:
    return Settings.from_env({"OPPORTUNE_REDIS": server.url, "OPPORTUNE_DURABILITY": "replicated"})


async def prepared(server: RedisServer, folder: Path) -> str:
    """Publishes the policy and makes a key; the token."""
    report = check_folder(folder, time.time_ns() // 1_000_000)
    assert report.policy is not None
    async with opened(settings(server)) as parts:
        await parts.policies.publish(report.policy, report.files)
        scopes = ["ingest", "decide", "respond", "read"]
        return (await KeyStore(parts.registry).make("tests", scopes, datetime.now(UTC))).token


@asynccontextmanager
async def api_on(server: RedisServer, token: str) -> AsyncIterator[httpx.AsyncClient]:
    app = build_api(settings(server))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://api",
            headers={"Authorization": f"Bearer {token}"},
        ) as api,
    ):
        yield api


def event(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "shop",
        "type": "purchase",
        "subject": f"c{number}",
        "data": {"amount": 1.0},
    }


def question(number: int) -> dict[str, Any]:
    return {"id": f"q{number}", "customer": f"c{number}", "channel": "web", "placements": [{"placement": "hero"}]}


async def test_what_was_answered_is_there_after_a_failover(pair: Pair, shop_folder: Path) -> None:
    token = await prepared(pair.master, shop_folder)
    sent: list[str] = []
    decided: dict[str, str] = {}

    async def client(api: httpx.AsyncClient, first: int) -> None:
        for number in range(first, 10_000, 4):
            try:
                answer = await api.post("/v1/interactions", json=event(number))
                if answer.status_code == 202:
                    sent.append(f"shop#{number}")
                asked = await api.post("/v1/decisions", json=question(number))
            except httpx.TransportError:
                return
            if asked.status_code != 200:
                return
            decided[asked.json()["decision"]] = asked.text

    async with api_on(pair.master, token) as api, anyio.create_task_group() as clients:
        for first in range(4):
            clients.start_soon(client, api, first)
        with anyio.fail_after(PATIENCE_S):
            while len(decided) < 100:  # noqa: ASYNC110 (the clients run until the master is gone)
                await anyio.sleep(0.01)
        pair.fail_over()

    with Redis(unix_socket_path=str(pair.replica.socket)) as redis:
        logged = {fields[b"id"].decode() for key in redis.scan_iter(match="*}out") for _, fields in redis.xrange(key)}
    assert len(decided) >= 100
    assert set(sent) <= logged
    assert set(decided) <= logged
    async with opened(settings(pair.replica)) as parts:
        for decision in decided:
            shard = decision.partition("-")[0]
            assert await parts.store.value(f"{{s{shard}}}d:{decision}") is not None


async def test_a_write_that_no_replica_has_is_refused_in_bounded_time(pair: Pair, shop_folder: Path) -> None:
    token = await prepared(pair.master, shop_folder)
    async with api_on(pair.master, token) as api:
        first = await api.post("/v1/decisions", json=question(0))
        assert first.status_code == 200
        said = {"code": first.json()["treatments"][0]["code"], "outcome": "accepted"}
        pair.stop_replica()
        for path, body in (
            ("/v1/interactions", event(1)),
            ("/v1/decisions", question(1)),
            ("/v1/responses", said),
            ("/v1/responses", said),  # it is in the ledger now, and still not known to be kept
            ("/v1/decisions", question(1)),
        ):
            began = time.monotonic()
            answer = await api.post(path, json=body)
            assert answer.status_code == 503, (path, answer.text)
            assert answer.json()["type"] == "/problems/store-away"
            assert time.monotonic() - began < ANSWER_WITHIN_S
        assert (await api.get("/v1/customers/c0")).status_code == 200, "reading goes on"
        pair.go_on()
        for path, body in (("/v1/interactions", event(1)), ("/v1/decisions", question(1)), ("/v1/responses", said)):
            again = await api.post(path, json=body)
            assert again.status_code < 300, again.text
        assert again.json()["repeated"] is True


async def test_ready_says_what_is_configured_and_what_follows(pair: Pair, shop_folder: Path) -> None:
    token = await prepared(pair.master, shop_folder)
    async with api_on(pair.master, token) as api:
        found = (await api.get("/readyz")).json()
        assert (found["configured"], found["durability"]) == ("replicated", "none")
        assert (found["replicas_needed"], found["replicas"]) == (1, 1)
        pair.replica.kill()
        with anyio.fail_after(PATIENCE_S):
            while (found := (await api.get("/readyz")).json())["replicas"]:  # noqa: ASYNC110 (another process)
                await anyio.sleep(0.01)
        assert found["replicas_needed"] == 1
        assert (await api.post("/v1/interactions", json=event(1))).status_code == 503
