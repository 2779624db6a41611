"""A site under load: a redis-server with append-only persistence, customers, a policy, and the API in processes of its
own; what is asked of it, and what it has committed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from redis.asyncio import Redis

from app import ROOT
from app.keys import KeyStore
from app.publishing import PolicyStore
from bench.catalogue import files_of
from bench.load import customers, requests, shop
from bench.load.app import VALUE
from bench.load.committed import Committed, committed, ledgers_agree
from bench.load.measured import Kept, Saturated
from bench.load.processes import cpu_s, output, redis_options, wrk
from bench.load.stops import met, watching_machine, watching_redis
from consumers.live import LivePolicy
from profiles.connection import connected
from profiles.registry import Registry
from profiles.store import CustomerStore
from tests.servers import RedisServer

DECISIONS, JSON, MGET = "/v1/decisions", "/bench/json", "/bench/mget"
SHARDS, CONNECTIONS = 16, 64
LIVE_WITHIN_S, START_WITHIN_S, STOP_WITHIN_S, FOLDED_WITHIN_S = 300.0, 300.0, 20.0, 900.0
LOOK_EVERY_S = 0.1
STARTED = re.compile(r"^process_start_time_seconds (\S+)", re.MULTILINE)
KEPT = 1_000
"""Records that each outbox keeps after they are folded, by default."""


class Site:
    """`count` customers with profiles of their own; more than one of `workers` share the socket of the API."""

    def __init__(self, server: RedisServer, redis: Redis, store: CustomerStore, count: int, workers: int) -> None:
        self._server = server
        self.redis = redis
        self.store = store
        self._customers = count
        self._workers = workers
        self._next = 0
        self._key = ""
        self._requests = server.folder / "requests.jsonl"
        self._answer = server.folder / "answer.json"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")},
            "OPPORTUNE_REDIS": server.url,
            "OPPORTUNE_LOG_LEVEL": "warning",
            "BENCH_ANSWER": str(self._answer),
        }
        self.pid = 0
        self._url = ""
        self._is_folded = False

    async def populate(self, sections: dict[str, Any]) -> None:
        """Customers, a live policy, a key, and what the baselines read."""
        now, policy = datetime.now(UTC), await self.publish(sections)
        profile = await customers.settle(self.redis, self.store, self._customers, policy, now)
        await self.redis.set(VALUE, profile)
        made = await KeyStore(Registry(self.redis)).make("bench", ["decide", "read"], now)
        self._key = made.token
        lines = requests.lines(shop.WITH_AMOUNT, random.Random(shop.SEED), secrets.token_hex(3))
        self._requests.write_text("\n".join(lines) + "\n")

    async def publish(self, sections: dict[str, Any]) -> LivePolicy:
        policy = await asyncio.to_thread(shop.live, sections)
        await self.make_live(policy, files_of(sections))
        return policy

    async def make_live(self, policy: LivePolicy, files: dict[str, str]) -> None:
        """Returns when the API, if there is one, answers with it."""
        await PolicyStore(Registry(self.redis)).publish(policy, files)
        if self.pid:
            await asyncio.to_thread(self._until_live, policy.revision)

    def _until_live(self, revision: str) -> None:
        give_up, seen = time.monotonic() + LIVE_WITHIN_S, 0
        unkept = httpx.Limits(max_keepalive_connections=0)  # any of the API's processes may answer
        with httpx.Client(base_url=self._url, limits=unkept, timeout=30.0) as client:
            while seen < (1 if self._workers == 1 else 10 * self._workers):
                assert time.monotonic() < give_up, f"{revision} is not live after {LIVE_WITHIN_S} s"
                seen = seen + 1 if client.get("/readyz").json().get("policy") == revision else 0
                time.sleep(0 if seen else LOOK_EVERY_S)

    @contextmanager
    def serving(self) -> Iterator[None]:
        command = [sys.executable, "-m", "bench.load.app", str(self._workers)]
        process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            self._url = process.stdout.readline().decode().strip()
            self.pid = process.pid
            self._until_ready()
            self._answer.write_bytes(self._usual_answer())
            yield
        finally:
            self.pid = 0
            process.terminate()
            process.wait(STOP_WITHIN_S)
            process.stdout.close()

    @contextmanager
    def folding(self) -> Iterator[int]:
        """A worker folds what is said; its process id."""
        process = subprocess.Popen([sys.executable, "-m", "app", "worker"], cwd=ROOT, env=self.environ)
        self._is_folded = True
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(STOP_WITHIN_S)

    async def until_folded(self) -> None:
        """When no more is left in the outboxes than what they keep."""
        give_up = time.monotonic() + FOLDED_WITHIN_S
        while (await committed(self.redis, self.store)).logged > SHARDS * 2 * KEPT:
            assert time.monotonic() < give_up, f"the worker has not folded everything after {FOLDED_WITHIN_S} s"
            await asyncio.sleep(1.0)

    def _until_ready(self) -> None:
        """When each of its processes has answered; those tell themselves apart by when they were started."""
        give_up, started = time.monotonic() + START_WITHIN_S, set[str]()
        unkept = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=self._url, limits=unkept, timeout=START_WITHIN_S) as client:
            while len(started) < self._workers:
                assert time.monotonic() < give_up, "the API is not ready"
                started |= set(STARTED.findall(client.get("/metrics").text))
            assert client.get("/readyz").json()["policy"], "the API has no policy"

    def _usual_answer(self) -> bytes:
        """Of some answers the one of middling size."""
        asked = requests.read(self._requests)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        with httpx.Client(base_url=self._url, headers=headers) as client:
            answers = [client.post(DECISIONS, content=self._filled(asked)) for _ in range(51)]
        assert all(each.status_code == 200 for each in answers), answers[0].text
        return sorted((each.content for each in answers), key=len)[25]

    def _filled(self, asked: list[str]) -> bytes:
        self._next += 1
        return requests.filled(asked, self._next, self._customers)

    async def saturate(self, path: str, seconds: float, connections: int = CONNECTIONS) -> Saturated:
        """So many requests at a time, by wrk. Raises AssertionError for anything but 200, and unless each answer was
        committed."""
        before = await self._committed() if path == DECISIONS else None
        cpu, redis = cpu_s(self.pid), cpu_s(self._server.pid)
        arguments = [path, self._key, str(self._requests), str(self._next), str(self._customers)]
        script = str(Path(__file__).with_name("decide.lua"))
        command = [
            wrk(),
            "-t1",
            f"-c{connections}",
            f"-d{seconds:g}s",
            "--timeout",
            "20s",
            "-s",
            script,
            self._url,
            "--",
            *arguments,
        ]
        found = json.loads((await output(command)).splitlines()[-1])
        cpu, redis = cpu_s(self.pid) - cpu, cpu_s(self._server.pid) - redis
        assert found["bad_status"] == found["failed"] == 0 < found["answers"], found
        answers = int(found["answers"])
        self._next += answers + connections
        if before is not None:  # wrk hangs up on those that are under way
            await self._check(before, answers, answers + connections)
        return Saturated(answers / found["seconds"], cpu / answers * 1e6, redis / answers * 1e6)

    async def keep(self, path: str, rate: float, seconds: float, begun: asyncio.Event | None = None) -> Kept:
        """So many requests a second, whatever becomes of them; `begun` is set when they do. Raises AssertionError as
        `saturate` does."""
        before, cpu = await self._committed() if path == DECISIONS else None, cpu_s(self.pid)
        host, port = self._url.removeprefix("http://").split(":")
        arguments = [host, port, path, self._key, str(self._requests), str(self._next), str(self._customers)]
        command = ["-m", "bench.load.paced", *arguments, str(rate), str(seconds), str(2 * CONNECTIONS)]
        async with watching_redis(self.redis) as redis_ms, watching_machine() as stops:
            asking = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=subprocess.PIPE)
            assert asking.stdout is not None
            await asking.stdout.readline()
            if begun is not None:
                begun.set()
            said, _ = await asking.communicate()
            assert asking.returncode == 0, "the requests have failed"
        found = orjson.loads(said)
        cpu, latencies = cpu_s(self.pid) - cpu, found["latencies_ms"]
        assert None not in latencies, f"{latencies.count(None)} of {len(latencies)} answers were not 200"
        self._next += len(latencies)
        if before is not None:
            await self._check(before, len(latencies), len(latencies))
        stalled = met(stops, found["start_s"], rate, latencies)
        return Kept(rate, latencies, found["late_ms"], cpu / len(latencies) * 1e6, stalled, redis_ms)

    async def _committed(self) -> Committed:
        """When nothing moves any more."""
        now, before = await committed(self.redis, self.store), None
        while now != before:
            await asyncio.sleep(0.1)
            now, before = await committed(self.redis, self.store), now
        return now

    async def _check(self, before: Committed, least: int, most: int) -> None:
        after = await self._committed()
        decisions, logged = after.decisions - before.decisions, after.logged - before.logged
        assert least <= decisions <= most, f"{least} answers with 200, and {decisions} decision records"
        assert self._is_folded or logged == 2 * decisions, (
            f"{logged} log records of {decisions} decisions, not two each"
        )
        await ledgers_agree(self.redis, self.store)


@asynccontextmanager
async def site(count: int, sections: dict[str, Any], workers: int = 1) -> AsyncIterator[Site]:
    wrk()
    with RedisServer(*redis_options()) as server:
        async with connected(server.url) as redis:
            store = await CustomerStore.open(redis, SHARDS)
            made = Site(server, redis, store, count, workers)
            await made.populate(sections)
            yield made
