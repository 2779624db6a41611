"""Explaining and replaying over HTTP and on the command line, on a real Redis: from the record, by scope, as it was."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from app.bootstrap import build_api, opened
from app.keys import KeyStore
from app.settings import Settings
from consumers.live import LivePolicy
from profiles import keys
from profiles.connection import connected
from profiles.registry import Registry
from rules.policy import check
from tests.builders import CATALOGUE, SHOP, changed

ROOT = Path(__file__).parents[2]
CELLS = [{"id": "all", "share": 100, "offers": ["mug", "pen", "cup"]}]
BANNER = {"id": "cup-banner", "channel": "web", "placement": "hero", "content": {"title": "A cup"}}
CUP = {**CATALOGUE["offers"][1], "id": "cup", "name": "A cup", "always": False, "treatments": [BANNER]}
POLICY: dict[str, Any] = {
    **SHOP,
    "campaigns": [{"id": "spring", "programs": [{"id": "gifts", "cells": CELLS}]}],
    "offers": [*changed("mug", eligible="customer.age >= 18"), CUP],
    "rules": [{"id": "rich", "if": "customer.spend > 100.0", "propose": "cup"}],
    "wording": {"customer.age": "your age"},
}
ASKED = {"customer": "ada", "channel": "web", "placements": [{"placement": "hero"}]}


@dataclass(frozen=True, slots=True)
class Service:
    api: httpx.AsyncClient
    keys: dict[str, str]
    url: str

    async def get(self, path: str, scope: str) -> httpx.Response:
        return await self.api.get(path, headers={"Authorization": f"Bearer {self.keys[scope]}"})

    async def decide(self, **over: Any) -> str:
        headers = {"Authorization": f"Bearer {self.keys['decide']}"}
        answer = await self.api.post("/v1/decisions", json={**ASKED, **over}, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["decision"])


def environ(url: str) -> dict[str, str]:
    return {"OPPORTUNE_REDIS": url, "OPPORTUNE_SHARDS": "4"}


async def publish(url: str, **sections: Any) -> str:
    checked = check({"policy.yaml": yaml.safe_dump({**POLICY, **sections}, sort_keys=False)})
    policy = LivePolicy.compiled(checked)
    async with opened(Settings.from_env(environ(url))) as parts:
        await parts.policies.publish(policy, checked.files)
    return policy.revision


@pytest.fixture
async def service(redis_url: str) -> AsyncIterator[Service]:
    await publish(redis_url)
    async with connected(redis_url) as redis:
        store = KeyStore(Registry(redis))
        made = {scope: (await store.make(scope, [scope], datetime.now(UTC))).token for scope in SCOPES}
    app = build_api(Settings.from_env(environ(redis_url)))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as api,
    ):
        yield Service(api, made, redis_url)


SCOPES = ("ingest", "decide", "respond", "read", "admin")


async def test_agents_hear_sentences_and_analysts_see_everything(service: Service) -> None:
    decision = await service.decide(interaction=call_of(17))
    path = f"/v1/decisions/{decision}/explain"
    for scope in ("decide", "read"):
        told = (await service.get(path, scope)).json()
        assert told.keys() == {"view", "decision", "at", "offers"}
        assert {each["offer"]: each["sentence"] for each in told["offers"]} == {
            "pen": "“A pen” is what we can offer you now.",
            "mug": "“A mug” is not open to you as things stand: your age would have to be at least 18 (it is 17).",
        }
    full = (await service.get(f"{path}?view=full", "read")).json()
    assert full["facts"]["customer.age"] == 17
    assert full["funnel"]["candidates"] == 2
    assert full["candidates"][0]["weight"]["factors"]["value"] == 5.0
    assert full["candidates"][1]["obstacles"][0]["change"]["text"] == "customer.age is 17 → at least 18"
    assert full["differences"] == []


async def test_a_key_for_agents_gets_no_analysts_view(service: Service) -> None:
    path = f"/v1/decisions/{await service.decide()}/explain"
    refused = await service.get(f"{path}?view=full", "decide")
    assert (refused.status_code, refused.json()["detail"]) == (403, "This call needs a key with the scope `read`.")
    for scope in ("ingest", "respond", "admin"):
        refused = await service.get(path, scope)
        assert refused.status_code == 403
        assert refused.json()["detail"] == "This call needs a key with the scope `decide` or `read`."
    assert (await service.api.get(path)).status_code == 401
    assert (await service.get(f"{path}?view=all", "read")).status_code == 422
    assert (await service.get(f"{path}?veiw=full", "read")).status_code == 422


async def test_an_offer_that_was_no_candidate_and_one_that_there_is_not(service: Service) -> None:
    path = f"/v1/decisions/{await service.decide(interaction=call_of(30))}/explain"
    (told,) = (await service.get(f"{path}?offer=cup", "decide")).json()["offers"]
    assert told["sentence"] == "“A cup” did not come up this time: there was no occasion for it."
    full = (await service.get(f"{path}?view=full&offer=cup", "read")).json()
    assert full["candidates"] == []
    assert full["not_proposed"]["rules"][0]["text"] == "customer.spend is 0.0 → more than 100.0"
    missing = await service.get(f"{path}?offer=cupp", "read")
    assert (missing.status_code, missing.json()["hint"]) == (404, "did you mean `cup`?")


async def test_what_is_not_there_is_said_to_be_forgotten(service: Service) -> None:
    for unknown in ("0001-1M84XXXX", "nonsense", "9999-X"):
        for path in (f"/v1/decisions/{unknown}/explain", f"/v1/decisions/{unknown}/explain?view=full"):
            answer = await service.get(path, "read")
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
            assert "forgotten by now" in answer.json()["detail"]


async def test_it_is_explained_by_the_record_and_its_own_revision(service: Service) -> None:
    """The customer has grown up and the policy has changed meanwhile; the answer of then stays."""
    decision = await service.decide(interaction=call_of(17))
    before = (await service.get(f"/v1/decisions/{decision}/explain?view=full", "read")).json()
    offers = [*changed("mug", eligible="customer.age >= 99", name="Another mug"), CUP]
    revision = await publish(service.url, offers=offers)
    for _ in range(400):
        if (await service.api.get("/readyz")).json()["policy"] == revision:
            break
        await asyncio.sleep(0.05)
    other = await service.decide(interaction=call_of(50, "call-2"))
    assert (await value(service.url, other))["policy"] == revision
    after = (await service.get(f"/v1/decisions/{decision}/explain?view=full", "read")).json()
    assert before == after
    assert after["policy"] != revision


async def test_a_revision_or_a_model_that_is_gone(service: Service) -> None:
    decision = await service.decide()
    recorded = await value(service.url, decision)
    for name in ("policy", "model"):
        await write(service.url, decision, {**recorded, name: "gone"})
        answer = await service.get(f"/v1/decisions/{decision}/explain", "read")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-kept")
        assert f"{name} " in answer.json()["detail"]
    done = command(service.url, "replay", decision)
    assert (done.returncode, "not replayed. The model gone" in done.stdout) == (1, True)


async def test_the_command_line_says_why(service: Service) -> None:
    decision = await service.decide(interaction=call_of(17))
    shown = command(service.url, "why", decision)
    assert shown.returncode == 0, shown.stderr
    assert "customer.age is 17 → at least 18" in shown.stdout
    assert "score 5 = propensity 1 × value 5" in shown.stdout
    assert "no candidates: cup" in shown.stdout
    assert "rich: customer.spend is 0.0 → more than 100.0" in command(service.url, "why", decision, "cup").stdout
    agent = command(service.url, "why", decision, "mug", "--agent")
    assert agent.stdout == (
        "“A mug” is not open to you as things stand: your age would have to be at least 18 (it is 17).\n"
    )
    as_json = json.loads(command(service.url, "why", decision, "--json").stdout)
    assert as_json == (await service.get(f"/v1/decisions/{decision}/explain?view=full", "read")).json()
    missing = command(service.url, "why", "0001-NONE")
    assert (missing.returncode, "There is no decision 0001-NONE" in missing.stderr) == (1, True)


async def test_every_decision_replays_and_a_changed_fact_is_noticed(service: Service) -> None:
    decisions = [await service.decide(customer=f"c{n}", interaction=call_of(10 + n, f"c-{n}")) for n in range(12)]
    done = command(service.url, "replay", "--since", "1d", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["decisions"], report["same"], report["listed"]) == (0, 12, 12, [])
    assert command(service.url, "replay", decisions[0]).returncode == 0

    decision = decisions[-1]
    recorded = await value(service.url, decision)
    assert recorded["facts"]["customer.age"] == 21
    await write(service.url, decision, {**recorded, "facts": {**recorded["facts"], "customer.age": 17}})
    one = command(service.url, "replay", decision)
    assert one.returncode == 3
    assert 'treatments.0.offer: recorded "mug", replayed "pen"' in one.stdout
    report = json.loads((many := command(service.url, "replay", "--since", "1d", "--json")).stdout)
    assert (many.returncode, report["same"], report["differing"]) == (3, 11, 1)
    assert [each["decision"] for each in report["listed"]] == [decision]
    assert f"{decision}  " in command(service.url, "replay", "--since", "1d").stdout


async def test_only_decisions_of_that_time_are_replayed(service: Service) -> None:
    old, new = [await service.decide(customer=name) for name in ("old", "new")]
    recorded = await value(service.url, old)
    await write(service.url, old, {**recorded, "at": "2026-03-01T12:00:00.000Z"})
    broken = {**await value(service.url, new), "surplus": 1}

    def counted(*options: str) -> int:
        return int(json.loads(command(service.url, "replay", *options, "--json").stdout)["decisions"])

    assert counted("--since", "1h") == 1
    assert counted("--since", "2026-03-01", "--until", "2026-03-02T00:00Z") == 1
    assert counted("--since", "2026-03-01") == 2
    assert counted("--since", "2026-03-02", "--until", "1h") == 0
    await write(service.url, new, broken)
    refused = command(service.url, "replay", "--since", "1h")
    assert (refused.returncode, "none that this version" in refused.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay"], "say which"),
        (["replay", "--since", "yesterday"], "this is no time"),
        (["replay", "0001-X", "--since", "1d"], "or --since and --until for many"),
        (["replay", "0001-X"], "There is no decision 0001-X"),
    ],
)
async def test_what_cannot_be_replayed_is_said(service: Service, words: list[str], said: str) -> None:
    done = command(service.url, *words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


async def test_candidates_are_counted_by_offer_and_reason(service: Service) -> None:
    await service.decide(interaction=call_of(17))
    page = (await service.api.get("/metrics")).text
    assert 'opportune_candidates_total{offer="pen",reason="chosen"} 1.0' in page
    assert 'opportune_candidates_total{offer="mug",reason="not_eligible"} 1.0' in page


def call_of(age: int, event: str = "call-1") -> dict[str, Any]:
    return {"id": event, "source": "desk", "type": "call_started", "data": {"age": age}}


async def value(url: str, decision: str) -> dict[str, Any]:
    async with connected(url) as redis:
        body = await redis.get(keys.decision(int(decision[:4]), decision))
        found: dict[str, Any] = orjson.loads(body or b"")
        return found


async def write(url: str, decision: str, recorded: dict[str, Any]) -> None:
    async with connected(url) as redis:
        await redis.set(keys.decision(int(decision[:4]), decision), orjson.dumps(recorded))


def command(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("OPPORTUNE_")}
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT, env={**own, **environ(url)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
