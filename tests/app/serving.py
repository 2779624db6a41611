"""The whole API on a real Redis, called without a socket, with a policy that always has an offer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import yaml

from app.bootstrap import build_api, opened
from app.keys import KeyStore
from app.settings import Settings
from consumers.live import LivePolicy
from rules.policy import check
from tests.builders import CATALOGUE, SHOP

EVERYBODY = [{"id": "spring", "programs": [{"id": "gifts", "cells": [{"id": "all", "share": 100, "offers": ["mug"]}]}]}]


@dataclass
class Api:
    client: httpx.AsyncClient
    sent: int = 0

    async def ingest(self, count: int = 1, **data: Any) -> httpx.Response:
        """Page views, each with an id of its own, each of another customer."""
        events = []
        for _ in range(count):
            self.sent += 1
            events.append(
                {
                    "specversion": "1.0",
                    "id": f"e-{self.sent}",
                    "source": "web",
                    "type": "page_view",
                    "subject": f"c{self.sent % 50}",
                    "channel": "web",
                    "time": "2026-03-10T12:00:00Z",
                    "data": data,
                }
            )
        return await self.client.post("/v1/interactions", json=events)

    async def decide(self, customer: str = "ada") -> httpx.Response:
        asked = {"customer": customer, "channel": "web", "placements": [{"placement": "hero"}]}
        return await self.client.post("/v1/decisions", json=asked)

    async def respond(self, code: str, outcome: str = "presented") -> httpx.Response:
        return await self.client.post("/v1/responses", json={"code": code, "outcome": outcome})


@asynccontextmanager
async def api_on(redis_url: str, **settings: str) -> AsyncIterator[Api]:
    """`settings`: such as `OUTBOX_MOST="100"`."""
    environ = {f"OPPORTUNE_{name}": value for name, value in settings.items()}
    known = Settings.from_env({"OPPORTUNE_REDIS": redis_url, "OPPORTUNE_SHARDS": "4", **environ})
    sections = {**SHOP, "campaigns": EVERYBODY, "offers": CATALOGUE["offers"][:1]}
    files = {"policy.yaml": yaml.safe_dump(sections, sort_keys=False)}
    checked = check(files)
    assert checked.ok, [str(each) for each in checked.findings]
    now = datetime.now(UTC)
    async with opened(known) as parts:
        await parts.policies.publish(LivePolicy.compiled(checked), files)
        token = (await KeyStore(parts.registry).make("test", ("ingest", "decide", "respond", "read"), now)).token
    app = build_api(known)
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
    ):
        yield Api(client)
