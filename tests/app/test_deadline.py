"""Deadlines and defaults under real uvicorn, with a real redis-server that is killed, frozen and started again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest
import yaml

from app.bootstrap import opened
from app.keys import KeyStore
from app.settings import Settings
from consumers.live import LivePolicy
from rules.arbitration import NothingLearned
from rules.policy import check
from rules.replay import differences, replayed
from schemas.decision import DecisionRecord
from tests.app.serving import EVERYBODY
from tests.builders import CATALOGUE, SHOP
from tests.e2e.service import ROOT, eventually, free_port
from tests.servers import RedisServer

WORDED = [
    {"id": f"welcome-{channel}-{place}", "channel": channel, "placement": place, "content": {"title": "Hello {{you}}"}}
    for channel, place in (("web", "hero"), ("web", "side"))
]
WELCOME = {"id": "welcome", "name": "Welcome", "treatments": WORDED}
SECTIONS: dict[str, Any] = {
    **SHOP,
    "campaigns": EVERYBODY,
    "offers": [CATALOGUE["offers"][0], WELCOME],
    "placements": {"hero": {"default": "welcome"}, "side": {"default": "welcome"}},
}
FILES = {"policy.yaml": yaml.safe_dump(SECTIONS, sort_keys=False)}
MARGIN_S = 0.4
"""What a busy machine may take beyond a deadline."""


class Served:
    def __init__(self, url: str, key: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def ask(self, *placements: str, channel: str = "web", **more: Any) -> tuple[int, dict[str, Any], float]:
        """Status, body, and how long it took in seconds."""
        slots = [{"placement": each} for each in placements or ("hero",)]
        began = time.monotonic()
        asked = {"customer": "ada", "channel": channel, "placements": slots, **more}
        answer = self.client.post("/v1/decisions", json=asked)
        return answer.status_code, answer.json(), time.monotonic() - began

    def counted(self, reason: str) -> float:
        name = f'opportune_decisions_degraded_total{{reason="{reason}"}} '
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@pytest.fixture
def redis_of_its_own() -> Iterator[RedisServer]:
    with RedisServer(persistent=True) as server:
        yield server


@contextmanager
def serving(redis: RedisServer, **settings: str) -> Iterator[Served]:
    environ = {"OPPORTUNE_REDIS": redis.url, "OPPORTUNE_SHARDS": "4", "OPPORTUNE_PORT": str(free_port()), **settings}
    key = anyio.run(published, environ)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    command = [sys.executable, "-m", "app", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env={**inherited, **environ}, stderr=subprocess.DEVNULL) as process:
        served = Served(f"http://127.0.0.1:{environ['OPPORTUNE_PORT']}", key)
        try:
            eventually("it serves", lambda: is_ready(served))
            yield served
        finally:
            served.client.close()
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def published(environ: dict[str, str]) -> str:
    checked, now = check(FILES), datetime.now(UTC)
    assert checked.ok, [str(each) for each in checked.findings]
    async with opened(Settings.from_env(environ)) as parts:
        await parts.policies.publish(LivePolicy.compiled(checked), FILES)
        return (await KeyStore(parts.registry).make("test", ("decide", "read"), now)).token


def is_ready(served: Served) -> bool:
    try:
        return served.client.get("/readyz").json().get("policy") is not None
    except httpx.TransportError:
        return False


def recovers(served: Served) -> None:
    eventually("decisions are made again", lambda: served.ask()[1].get("decision"), within_s=15)


def is_default(answer: tuple[int, dict[str, Any], float], *degraded: str) -> bool:
    status, body, _ = answer
    (shown,) = body["defaults"]
    assert body["decision"] is None
    assert body["treatments"] == []
    assert (shown["offer"], shown["placement"], shown["content"]) == ("welcome", "hero", {"title": "Hello {you}"})
    assert "code" not in shown
    return status == 200 and body["degraded"] == list(degraded)


def test_redis_that_is_killed_and_comes_back(redis_of_its_own: RedisServer) -> None:
    with serving(redis_of_its_own) as served:
        status, body, _ = served.ask()
        assert (status, [each["offer"] for each in body["treatments"]]) == (200, ["mug"])
        assert not {"facts", "ledger", "seed", "degraded"} & body.keys()
        redis_of_its_own.kill()

        assert is_default(served.ask(), "store")
        eventually("it is known", lambda: served.ask()[2] < 0.05)
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: served.ask(), range(100)))
        assert all(is_default(each, "store") for each in answers)
        assert served.counted("store") >= 100

        status, body, took_s = served.ask("nowhere")
        assert (status, body["type"]) == (503, "/problems/store-away")
        assert took_s < MARGIN_S
        assert served.ask(channel="webb")[:1] == (422,)
        assert served.ask(deadline_ms=0)[:1] == (422,)
        assert [each["placement"] for each in served.ask("nowhere", "side")[1]["defaults"]] == ["side"]
        assert served.client.get("/readyz").status_code == 503
        assert served.client.get("/healthz").status_code == 200
        unknown = served.client.post("/v1/decisions", json={}, headers={"Authorization": "Bearer opp_x_y"})
        assert unknown.status_code == 503

        redis_of_its_own.start()
        recovers(served)


def test_redis_that_hangs(redis_of_its_own: RedisServer) -> None:
    with serving(redis_of_its_own, OPPORTUNE_DECISION_DEADLINE="300ms") as served:
        assert served.ask()[1]["decision"]
        os.kill(redis_of_its_own.pid, signal.SIGSTOP)
        try:
            answer = served.ask(deadline_ms=200)
            assert is_default(answer, "profile")
            assert answer[2] < 0.2 + MARGIN_S
            eventually("it is known", lambda: is_default(served.ask(), "store") and served.ask()[2] < 0.05)
            with ThreadPoolExecutor(20) as pool:
                answers = list(pool.map(lambda _: served.ask(), range(100)))
            assert all(is_default(each, "store") for each in answers)
            assert served.ask("nowhere")[:1] == (503,)
        finally:
            os.kill(redis_of_its_own.pid, signal.SIGCONT)
        recovers(served)


def test_the_deadline_of_the_settings_holds_for_who_gives_none(redis_of_its_own: RedisServer) -> None:
    with serving(redis_of_its_own, OPPORTUNE_DECISION_DEADLINE="300ms") as served:
        served.ask()
        time.sleep(1.1)  # what is believed of the key is over: it must not add to the deadline
        os.kill(redis_of_its_own.pid, signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(20) as pool:
                answers = list(pool.map(lambda _: served.ask(), range(20)))
            assert {is_default(each, *each[1]["degraded"]) for each in answers} == {True}
            assert max(each[2] for each in answers) < 0.3 + 2 * MARGIN_S
        finally:
            os.kill(redis_of_its_own.pid, signal.SIGCONT)
        recovers(served)


def test_a_deadline_that_nothing_can_keep(redis_of_its_own: RedisServer) -> None:
    with serving(redis_of_its_own) as served:
        status, body, _ = served.ask(deadline_ms=1)
        assert status == 200
        assert body.get("degraded") in (["profile"], ["commit"], None)  # a fast machine may keep it
        assert served.ask("nowhere", deadline_ms=10_000)[0] == 200
        late = served.ask("nowhere", deadline_ms=1)
        assert late[0] in (200, 503)


def test_a_default_stands_where_nothing_is_chosen_and_replays(redis_of_its_own: RedisServer) -> None:
    with serving(redis_of_its_own) as served:
        _, body, _ = served.ask("hero", "side", "nowhere")
        assert [each["placement"] for each in body["treatments"]] == ["hero"]
        assert [(each["placement"], each["offer"]) for each in body["defaults"]] == [("side", "welcome")]
        text = served.client.get(f"/v1/decisions/{body['decision']}").text
    recorded = DecisionRecord.model_validate_json(text)
    ruleset = LivePolicy.compiled(check(FILES)).ruleset
    assert differences(recorded, replayed(recorded, ruleset, NothingLearned())) == ()


def test_it_does_not_start_without_redis(redis_of_its_own: RedisServer) -> None:
    """It cannot know the policy."""
    redis_of_its_own.kill()
    environ = {**os.environ, "OPPORTUNE_REDIS": redis_of_its_own.url, "OPPORTUNE_PORT": str(free_port())}
    command = [sys.executable, "-m", "app", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL) as process:
        time.sleep(3)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{environ['OPPORTUNE_PORT']}/readyz")
        process.kill()
