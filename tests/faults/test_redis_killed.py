"""Redis is killed with `kill -9` under load and restarted on its append-only file (`everysec`)."""

import asyncio
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from redis import Redis

from consumers.redis_streams import offset_of
from profiles import keys
from profiles.connection import connected
from profiles.fold import fold
from profiles.log_stream import OUTBOX
from profiles.profile import Profile
from profiles.store import CustomerStore
from schemas.decision import DecisionRecord
from tests.builders import CATALOGUE, SHOP, live
from tests.e2e.service import ROOT, eventually, free_port
from tests.e2e.test_apart import process, ready
from tests.servers import RedisServer
from tests.sim.real import distinct, logged

pytestmark = pytest.mark.anyio

POLICY = live()
KILLS = 4
CLIENTS = 4
PEOPLE = 40
SHARDS = 16
IN_THE_PROFILES_WITHIN_S = 10.0
LOST_BYTES = 20_000


@dataclass
class Load:
    """Clients that go on whatever happens, and what they were told."""

    url: str
    headers: dict[str, str]
    accepted: list[str] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    refused: int = 0
    over: bool = False

    async def client(self, number: int) -> None:
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=10) as api:
            for n in range(number, 10**9, CLIENTS):
                if self.over:
                    return
                try:
                    await self._say(api, n)
                except httpx.TransportError:
                    self.refused += 1

    async def _say(self, api: httpx.AsyncClient, n: int) -> None:
        who = f"c{n % PEOPLE}"
        event = {"specversion": "1.0", "source": "shop", "type": "purchase", "subject": who, "data": {"amount": 1.0}}
        said = await api.post("/v1/interactions", json=[{**event, "id": f"{n}"}, {**event, "id": f"{n}"}])
        if said.status_code == httpx.codes.ACCEPTED:
            self.accepted.append(f"shop#{n}")
        else:
            self.refused += 1
        if n % 3 == 0:
            question = {"id": f"q{n}", "customer": who, "channel": "web", "placements": [{"placement": "hero"}]}
            asked = await api.post("/v1/decisions", json=question)
            if asked.status_code == httpx.codes.OK:
                self.decided.append(asked.json()["decision"])


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer("--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


def environ_for(redis: RedisServer) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    ours = {"REDIS": redis.url, "METRICS_PORT": "0", "SHARDS": str(SHARDS), "LOG_KEEP": "1000000", "LOG_LEVEL": "error"}
    return {**inherited, **{f"OPPORTUNE_{name}": value for name, value in ours.items()}}


def started(environ: dict[str, str], folder: Path, running: ExitStack) -> Load:
    """The API and two workers, with a policy and a key."""
    (folder / "policy.yaml").write_text(yaml.safe_dump({**SHOP, **CATALOGUE}, sort_keys=False))
    run = [sys.executable, "-m", "app"]
    subprocess.run([*run, "publish", str(folder)], cwd=ROOT, env=environ, check=True)
    make = [*run, "keys", "make", "tests", "--scopes", "ingest,decide"]
    made = subprocess.run(make, cwd=ROOT, env=environ, check=True, capture_output=True, text=True)
    port = free_port()
    for command in (["serve", "--port", str(port)], ["worker"], ["worker"]):
        running.enter_context(process(environ, *command))
    load = Load(f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {made.stdout.split()[-1]}"})
    eventually("the API is ready", lambda: ready(load.url))
    return load


async def under_load(redis: RedisServer, folder: Path, running: ExitStack, seed: int, lost_bytes: int = 0) -> Load:
    """Kills Redis again and again; returns after the last restart, when the clients have stopped. The workers go on."""
    load = started(environ_for(redis), folder, running)
    chance = random.Random(seed)
    async with asyncio.TaskGroup() as clients:
        for number in range(CLIENTS):
            clients.create_task(load.client(number))
        for left in reversed(range(KILLS)):
            await asyncio.sleep(chance.uniform(1.0, 2.0))
            redis.kill()
            if lost_bytes and not left:
                cut_tail(redis, chance.randint(1, lost_bytes))
            redis.start()
        load.over = True
    return load


def cut_tail(redis: RedisServer, most: int) -> None:
    """What a power cut does to a file that was not synchronized. Only before the last start: Redis 6.2 leaves a MULTI
    without EXEC in the file, and does what is in it when it starts once more (`redis-check-aof --fix` would cut it)."""
    files = [each for each in redis.folder.rglob("*.aof") if ".base." not in each.name]  # Redis 6 has one, 7 has parts
    newest = max(files, key=lambda each: each.stat().st_mtime)
    os.truncate(newest, max(0, newest.stat().st_size - most))


def all_is_folded(redis: RedisServer) -> bool:
    with Redis(unix_socket_path=str(redis.socket)) as client:
        for shard in range(SHARDS):
            last: Any = client.xrevrange(keys.outbox(shard), count=1)
            position: Any = client.hget(keys.guard(shard), OUTBOX.position)
            if last and offset_of(last[0][0]) > int(position or 0):
                return False
    return True


async def wrong(redis: RedisServer) -> list[str]:
    """Every profile against the fold of its distinct interactions in the order of the log, every ledger against the
    decisions in it, the scorecard against both."""
    found: list[str] = []
    async with connected(redis.url) as client:
        store = await CustomerStore.open(client, SHARDS)
        log, purchases = await logged(client, SHARDS), 0
        for subject in (f"customer:c{n}" for n in range(PEOPLE)):
            customer, expected = await store.read(subject), Profile()
            for event in distinct(log, subject):
                expected, purchases = fold(expected, event, POLICY.definition), purchases + 1
            found += [
                f"{subject}: {name} is {has} instead of {should}"
                for name in ("features", "attributes", "sessions", "recent", "first", "last", "seen")
                if (has := getattr(customer.profile, name)) != (should := getattr(expected, name))
            ]
            decided = [DecisionRecord.model_validate(orjson.loads(each.body)) for each in log
                       if (each.topic, each.subject) == ("decisions", subject)]  # fmt: skip
            codes = sorted(one.code for each in decided for one in each.treatments)
            has_codes = sorted(each.code for each in customer.ledger.entries if each.logged and each.treatment)
            if codes != has_codes:
                found.append(f"{subject}: ledger {has_codes} instead of {codes}")
        counts = await store.counts()
        counted = sum(amount for name, amount in counts.items() if "|interactions|purchase|" in name)
        if counted != purchases:
            found.append(f"scorecard: {counted} purchases instead of {purchases}")
        found += [f"dead letter in {n}" for n in range(SHARDS) if await client.exists(keys.dead_letters(n))]
    return found


async def wrong_in_the_end(redis: RedisServer) -> list[str]:
    """What is still wrong after IN_THE_PROFILES_WITHIN_S; returns as soon as nothing is. A call that was refused may
    still be done by Redis a little later."""
    give_up = time.monotonic() + IN_THE_PROFILES_WITHIN_S
    while found := (await wrong(redis) if all_is_folded(redis) else ["not all is folded"]):
        if time.monotonic() > give_up:
            break
        await asyncio.sleep(0.2)
    return found


async def test_all_that_the_log_holds_is_in_the_profiles(redis: RedisServer, tmp_path: Path) -> None:
    seed = secrets.randbelow(10**9)
    with ExitStack() as running:
        load = await under_load(redis, tmp_path, running, seed)
        began = time.monotonic()
        found = await wrong_in_the_end(redis)
        print(f"seed {seed}: {len(load.accepted)} accepted, {len(load.decided)} decided, {load.refused} refused; "  # noqa: T201
              f"in the profiles after {time.monotonic() - began:.1f} s")  # fmt: skip
        assert not found, f"seed {seed}\n" + "\n".join(found)
        async with connected(redis.url) as client:
            kept = {each.id for each in await logged(client, SHARDS)}
        lost = (set(load.accepted) | set(load.decided)) - kept
        assert len(load.accepted) > 100
        assert not lost, f"seed {seed}: answered with 2xx, and not in the log"


async def test_what_is_lost_of_the_log_is_lost_of_the_profiles(redis: RedisServer, tmp_path: Path) -> None:
    """As after a power cut: the end of the file is missing, some of it in the middle of a command."""
    seed = secrets.randbelow(10**9)
    with ExitStack() as running:
        load = await under_load(redis, tmp_path, running, seed, LOST_BYTES)
        found = await wrong_in_the_end(redis)
        assert len(load.accepted) > 100
        assert not found, f"seed {seed}\n" + "\n".join(found)
