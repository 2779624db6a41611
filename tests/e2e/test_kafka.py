"""With Kafka as the log: API and workers apart, one of them killed, others restarted, and backends that produce."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.e2e.service import PATIENCE_S, ROOT, Service, eventually, free_port
from tests.kafka_server import KafkaServer
from tests.servers import RedisServer

RUN = [sys.executable, "-m", "app"]


@contextmanager
def process(environ: dict[str, str], *command: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([*RUN, *command], cwd=ROOT, env=environ)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(PATIENCE_S)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def environ(redis: RedisServer, kafka_server: KafkaServer) -> dict[str, str]:
    await kafka_server.delete_topics()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    ours = {
        "REDIS": redis.url,
        "LOG_LEVEL": "warning",
        "SHARDS": "8",
        "KAFKA": kafka_server.servers,
        "KAFKA_PARTITIONS": "4",
        "KAFKA_REPLICATION": "1",
        "KAFKA_SECRET": "nobody knows",
    }
    return {**inherited, **{f"OPPORTUNE_{name}": value for name, value in ours.items()}}


def run(environ: dict[str, str], *command: str) -> str:
    done = subprocess.run([*RUN, *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(environ: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [*RUN, *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def purchase(number: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": str(number), "source": "shop", "type": "purchase", "data": {"amount": 1.0}}
    return {**event, "subject": f"c{number % 10}"}


async def test_workers_come_and_go(environ: dict[str, str], shop_folder: Path, kafka_server: KafkaServer) -> None:
    run(environ, "topics")
    run(environ, "publish", str(shop_folder))
    key = run(environ, "keys", "make", "tests", "--scopes", "ingest,read,decide,respond").split()[-1]
    with ExitStack() as running:
        port = free_port()
        running.enter_context(process(environ, "serve", "--port", str(port)))
        workers = [
            running.enter_context(process({**environ, "OPPORTUNE_INSTANCE": name}, "worker")) for name in ("a", "b")
        ]
        url = f"http://127.0.0.1:{port}"
        eventually("the API is ready", lambda: ready(url))
        client = running.enter_context(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}))

        def send(start: int) -> None:
            batch = [purchase(number) for number in range(start, start + 100)]
            answer = client.post("/v1/interactions", json=batch)
            assert answer.status_code == 202, answer.text

        def totals() -> int:
            return int(client.get("/v1/scorecard").json()["totals"]["interactions"])

        send(0)
        eventually("both workers have begun", lambda: totals() == 100)
        workers[0].kill()
        send(100)
        again = running.enter_context(process({**environ, "OPPORTUNE_INSTANCE": "a"}, "worker"))
        eventually("it goes on where it was", lambda: totals() == 200)
        workers[1].send_signal(signal.SIGTERM)
        send(200)
        eventually("the other one has all", lambda: totals() == 300)
        assert workers[1].wait(PATIENCE_S) == 0

        producer = AIOKafkaProducer(bootstrap_servers=kafka_server.servers)
        await producer.start()
        try:
            for number in range(250, 350):  # half of them once more
                await producer.send("interactions", orjson.dumps(purchase(number)), key=b"mine")
            asked = {"customer": "c1", "channel": "web", "placements": [{"placement": "hero"}]}
            code = client.post("/v1/decisions", json=asked).json()["treatments"][0]["code"]
            await producer.send_and_wait("responses", orjson.dumps({"code": code.lower(), "outcome": "accepted"}))
        finally:
            await producer.stop()
        eventually("what a backend produced is there", lambda: totals() == 350)
        features = [client.get(f"/v1/customers/c{n}").json()["features"]["spend"] for n in range(10)]
        assert features == [35.0] * 10
        eventually("its response is too", lambda: _accepted(client) == 1)
        assert again.poll() is None


def _accepted(client: httpx.Client) -> int:
    return int(client.get("/v1/scorecard").json()["totals"]["outcomes"].get("accepted", 0))


async def test_what_does_not_go_together_is_refused(environ: dict[str, str]) -> None:
    assert "there is no topic interactions" in refused(environ, "worker")
    run(environ, "topics")
    odd = {**environ, "OPPORTUNE_KAFKA_PARTITIONS": "3"}
    assert "3 partitions do not divide the 8 shards of this store" in refused(odd, "worker")
    assert "and must be 2" in refused({**environ, "OPPORTUNE_KAFKA_PARTITIONS": "2"}, "worker")
    without = {name: value for name, value in environ.items() if "KAFKA" not in name}
    assert "the role `relay` needs Kafka" in refused(without, "worker", "--roles", "profiles,relay")
    assert "did you mean `profiles`?" in refused(without, "worker", "--roles", "profile")


async def test_one_command_with_kafka(environ: dict[str, str], shop_folder: Path, tmp_path: Path) -> None:
    """`opportune up` with its own Redis: it refuses without topics, and does everything with them."""
    service = Service(tmp_path / "var")
    kafka = {name: value for name, value in environ.items() if name.startswith("OPPORTUNE_") and "REDIS" not in name}
    service.environ |= kafka
    assert "there is no topic" in refused(service.environ, "up")
    run(service.environ, "topics")
    try:
        service.start()
        service.publish(shop_folder)
        service.post("/v1/interactions", [purchase(number) for number in range(20)])
        eventually("it is folded", lambda: service.get("/v1/scorecard")["totals"]["interactions"] == 20)
        service.stop()
        service.start()
        service.post("/v1/interactions", [purchase(number) for number in range(10, 40)])
        eventually("it goes on", lambda: service.get("/v1/scorecard")["totals"]["interactions"] == 40)
        service.stop()
    finally:
        service.close()
