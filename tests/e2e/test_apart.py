"""API and workers started apart, two of each, on a Redis of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.service import PATIENCE_S, ROOT, eventually, free_port
from tests.servers import RedisServer


@contextmanager
def process(environ: dict[str, str], *command: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-m", "app", *command], cwd=ROOT, env=environ)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(PATIENCE_S)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_two_of_each_and_one_worker_killed(shop_folder: Path) -> None:
    with ExitStack() as running:
        redis = running.enter_context(RedisServer())
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
        environ = {**inherited, "OPPORTUNE_REDIS": redis.url, "OPPORTUNE_LOG_LEVEL": "warning"}
        run = [sys.executable, "-m", "app"]
        subprocess.run([*run, "publish", str(shop_folder)], cwd=ROOT, env=environ, check=True)
        scopes = ["keys", "make", "tests", "--scopes", "ingest,read"]
        made = subprocess.run([*run, *scopes], cwd=ROOT, env=environ, check=True, capture_output=True, text=True)
        headers = {"Authorization": f"Bearer {made.stdout.split()[-1]}"}
        ports = [free_port(), free_port()]
        for port in ports:
            running.enter_context(process(environ, "serve", "--port", str(port)))
        workers = [running.enter_context(process(environ, "worker")) for _ in range(2)]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        eventually("both APIs are ready", lambda: all(ready(url) for url in urls))
        client = running.enter_context(httpx.Client(headers=headers, timeout=30))

        def send(start: int) -> None:
            for number in range(start, start + 100):
                answer = client.post(f"{urls[number % 2]}/v1/interactions", json=purchase(number))
                assert answer.status_code == 202, answer.text

        def totals() -> int:
            return int(client.get(f"{urls[0]}/v1/scorecard").json()["totals"]["interactions"])

        send(0)
        eventually("both workers have begun", lambda: totals() == 100)
        workers[0].kill()
        send(100)
        eventually("the other one has taken over", lambda: totals() == 200)
        found = [client.get(f"{urls[1]}/v1/customers/c{n}").json()["features"]["spend"] for n in range(10)]
        assert found == [20.0] * 10


def purchase(number: int) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": str(number), "source": "shop", "type": "purchase", "data": {"amount": 1.0}}
    return {**event, "subject": f"c{number % 10}"}
