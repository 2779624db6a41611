"""Rows that `opportune load` takes a second while a worker folds them, and the memory that it needs.

    python -m bench.loading                      100,000 rows
    python -m bench.loading --full               a million (4 GB of memory for Redis)

The rows are those of the IBM telecom file, again and again with new ids; 20 attributes, three expectations of data
quality. A redis-server of its own with append-only persistence (`everysec`), one `opportune worker`, one `opportune
load`: three processes, as in production. `rows_per_s` is the load's, from its start to its end; `folded_per_s` until
the last row is in a profile. On a machine that others use too, read `load_per_core_s` and `worker_per_core_s`: rows a
second of CPU time of the load, and of the worker. `load_mb` is the peak memory of the load, `outbox_mb` what all
outboxes of Redis held at most, looked at four times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
import yaml

from app import ROOT
from app.redis_binary import find_redis_server, listpack_setting, redis_version
from bench.report import print_figures
from profiles import keys
from profiles.connection import connected
from profiles.store import CustomerStore
from tests.servers import RedisServer

TELCO = ROOT / "examples" / "telecom-retention" / "data" / "Telco-Customer-Churn.csv.gz"
TEXTS = [
    *("gender", "multiple_lines", "internet_service", "online_security", "online_backup", "device_protection"),
    *("tech_support", "streaming_tv", "streaming_movies", "contract", "payment_method"),
]
BOOLS = ["senior_citizen", "partner", "dependents", "phone_service", "paperless_billing", "churn"]
SHARDS = 16
POLICY: dict[str, Any] = {
    "policy": {"name": "telecom"},
    "attributes": {
        **dict.fromkeys(TEXTS, "string"),
        **dict.fromkeys(BOOLS, "bool"),
        "tenure": "int",
        "monthly_charges": "double",
        "total_charges": "double",
    },
    "quality": {
        "has_total": {"attribute": "total_charges", "expect": "has(customer.total_charges)"},
        "plausible_total": {"attribute": "total_charges", "expect": "customer.total_charges >= 18.0"},
        "plausible_tenure": {"attribute": "tenure", "expect": "customer.tenure >= 0 && customer.tenure <= 72"},
    },
}


def write_rows(path: Path, count: int) -> None:
    with gzip.open(TELCO, "rt") as real, path.open("w", newline="") as file:
        header, *rows = csv.reader(real)
        writer = csv.writer(file)
        writer.writerow(header)
        for number in range(count):
            writer.writerow([f"c{number:08d}", *rows[number % len(rows)][1:]])


@contextmanager
def worker(environ: dict[str, str], usage: list[Any]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "app", "worker"], cwd=ROOT, env=environ)
    try:
        yield
    finally:
        process.terminate()
        usage.append(os.wait4(process.pid, 0)[2])


class Outboxes(threading.Thread):
    """Looks at how much the outboxes hold."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(daemon=True)
        self._client = redis.Redis(unix_socket_path=str(server.socket))
        self._ended = threading.Event()
        self.most_bytes = 0

    def run(self) -> None:
        while not self._ended.wait(0.25):
            found = [self._client.memory_usage(keys.outbox(shard)) or 0 for shard in range(SHARDS)]
            self.most_bytes = max(self.most_bytes, sum(found))

    def end(self) -> None:
        self._ended.set()
        self.join()


def load(path: Path, environ: dict[str, str]) -> Any:
    """Runs the command; what it used."""
    process = subprocess.Popen([sys.executable, "-m", "app", "load", str(path)], cwd=ROOT, env=environ)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return usage


async def interactions(url: str) -> int:
    async with connected(url) as client:
        store = await CustomerStore.open(client, SHARDS)
        return sum(amount for name, amount in (await store.counts()).items() if "|interactions|identify|" in name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--full", action="store_true", help="a million rows (4 GB of memory for Redis)")
    given = parser.parse_args()
    count = 1_000_000 if given.full else given.rows
    options = ("--appendonly", "yes", "--appendfsync", "everysec")
    listpack = listpack_setting(redis_version(find_redis_server()))
    with tempfile.TemporaryDirectory() as name, RedisServer(*options, f"--{listpack}", "4096") as server:
        folder = Path(name)
        (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
        write_rows(folder / "customers.csv", count)
        environ = {**os.environ, "OPPORTUNE_REDIS": server.url, "OPPORTUNE_SHARDS": str(SHARDS)}
        subprocess.run([sys.executable, "-m", "app", "publish", name], cwd=ROOT, env=environ, check=True)
        looking = Outboxes(server)
        of_worker: list[Any] = []
        with worker(environ, of_worker):
            looking.start()
            began = time.monotonic()
            of_load = load(folder / "customers.csv", environ)
            loaded_s = time.monotonic() - began
            while asyncio.run(interactions(server.url)) < count:
                time.sleep(0.1)
            folded_s = time.monotonic() - began
            looking.end()
        assert asyncio.run(interactions(server.url)) == count, "a row was counted twice"
        redis_mb = redis.Redis(unix_socket_path=str(server.socket)).info("memory")["used_memory_peak"] / 1e6
    figures = {
        "rows": count,
        "rows_per_s": count / loaded_s,
        "folded_per_s": count / folded_s,
        "load_per_core_s": count / cpu_s(of_load),
        "worker_per_core_s": count / cpu_s(of_worker[0]),
        "load_mb": of_load.ru_maxrss / 1024,
        "outbox_mb": looking.most_bytes / 1e6,
        "redis_mb": redis_mb,
    }
    print_figures("loading", figures, shards=SHARDS)


def cpu_s(usage: Any) -> float:
    return float(usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main()
