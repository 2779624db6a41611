"""The life of a policy over HTTP, on a real Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import yaml

from app.keys import KeyStore
from profiles.connection import connected
from profiles.registry import Registry
from tests.app.serving import Api, api_on
from tests.builders import CATALOGUE, SHOP, changed

PEOPLE = {
    "ann": ("publish", "read"),
    "bob": ("approve", "read"),
    "both": ("publish", "approve"),
    "reader": ("read",),
}


def files(value: float = 10) -> dict[str, str]:
    return {
        "policy.yaml": yaml.safe_dump({**SHOP, **CATALOGUE, "offers": changed("mug", value=value)}, sort_keys=False)
    }


class Desk:
    """Calls in somebody's name."""

    def __init__(self, api: Api, tokens: dict[str, str]) -> None:
        self._api = api
        self._tokens = tokens

    async def get(self, who: str, path: str) -> httpx.Response:
        return await self._api.client.get(path, headers=self._headers(who))

    async def post(self, who: str, path: str, **body: Any) -> httpx.Response:
        return await self._api.client.post(path, json=body, headers=self._headers(who))

    async def step(self, who: str, revision: str, step: str, **body: Any) -> httpx.Response:
        return await self.post(who, f"/v1/policies/{revision}/{step}", **body)

    async def drafted(self, who: str, value: float) -> str:
        answer = await self.post(who, "/v1/policies", files=files(value), note=f"value {value}")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["revision"])

    async def live(self) -> str:
        return str((await self._api.client.get("/readyz")).json()["policy"])

    def _headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[who]}"}


def at_desk(url: str, story: Callable[[Desk], Awaitable[None]]) -> None:
    async def go() -> None:
        async with api_on(url) as api, connected(url) as redis:
            keys, now = KeyStore(Registry(redis)), datetime.now(UTC)
            tokens = {name: (await keys.make(name, scopes, now)).token for name, scopes in PEOPLE.items()}
            await story(Desk(api, tokens))

    asyncio.run(go())


def said(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, str(answer.json()["type"]).removeprefix("/problems/")


def test_from_a_draft_to_live_and_back(redis_url: str) -> None:
    async def story(desk: Desk) -> None:
        before = await desk.live()
        revision = await desk.drafted("ann", 20)
        assert said(await desk.step("ann", revision, "publish")) == (409, "not-approved")
        approved = await desk.step("bob", revision, "approve", note="looked at")
        assert (approved.json()["state"], approved.json()["approved"]["by"]) == ("approved", "bob")
        diff = (await desk.get("reader", f"/v1/policies/live/diff/{revision}")).json()
        assert "New offer pen: “A pen”, value 5 EUR" in [each["text"] for each in diff["differences"]]
        published = await desk.step("ann", revision, "publish", live=before)
        assert published.json()["state"] == "live"
        assert published.json()["live"]["by"] == "ann"
        async with asyncio.timeout(10):
            while await desk.live() != revision:  # noqa: ASYNC110 (the process looks by itself)
                await asyncio.sleep(0.02)
        back = await desk.step("ann", before, "rollback", live=revision, note="too dear")
        assert (back.json()["revision"], back.json()["state"]) == (before, "live")
        listed = (await desk.get("reader", "/v1/policies")).json()
        states = {each["revision"]: each["state"] for each in listed["revisions"]}
        assert listed["four_eyes"]
        assert states == {revision: "rolled_back", before: "live"}
        audit = (await desk.get("reader", "/v1/audit")).json()["entries"]
        assert [(each["step"], each["who"]) for each in audit[2:]] == [
            ("drafted", "ann"),
            ("approved", "bob"),
            ("live", "ann"),
            ("rolled_back", "ann"),
        ]
        assert (audit[-1]["from"], audit[-1]["note"], audit[-2]["approved_by"]) == (revision, "too dear", "bob")

    at_desk(redis_url, story)


def test_a_policy_with_errors_is_refused_with_its_findings(redis_url: str) -> None:
    async def story(desk: Desk) -> None:
        wrong = {"policy.yaml": files()["policy.yaml"].replace("page_view", "page_vew", 1)}
        answer = await desk.post("ann", "/v1/policies", files=wrong)
        assert said(answer) == (422, "policy-refused")
        found = answer.json()["errors"]
        assert {"file", "line", "column", "reason", "hint"} == set(found[0])
        assert "page_view" in str(found)
        assert len((await desk.get("reader", "/v1/policies")).json()["revisions"]) == 1

    at_desk(redis_url, story)


def test_warnings_stay_with_the_draft_and_its_files_can_be_read(redis_url: str) -> None:
    async def story(desk: Desk) -> None:
        sections = {**SHOP, **CATALOGUE, "issues": {"growth": {}}}
        text = {"policy.yaml": yaml.safe_dump(sections, sort_keys=False)}
        drafted = (await desk.post("ann", "/v1/policies", files=text)).json()
        assert ["no campaign is for the issue `growth`" in each for each in drafted["warnings"]] == [True]
        content = (await desk.get("reader", f"/v1/policies/{drafted['revision']}")).json()
        assert content["files"] == text
        assert content["warnings"] == drafted["warnings"]
        again = (await desk.post("both", "/v1/policies", files=text)).json()
        assert again["drafted"]["by"] == "ann"

    at_desk(redis_url, story)


def test_who_may_do_what(redis_url: str) -> None:
    async def story(desk: Desk) -> None:
        assert said(await desk.post("reader", "/v1/policies", files=files())) == (403, "not-allowed")
        assert said(await desk.post("bob", "/v1/policies", files=files())) == (403, "not-allowed")
        own = await desk.drafted("both", 30)
        assert said(await desk.step("both", own, "approve")) == (403, "same-eyes")
        assert said(await desk.step("ann", own, "approve")) == (403, "not-allowed")
        assert (await desk.step("bob", own, "approve")).status_code == 200
        assert said(await desk.step("bob", own, "approve")) == (409, "wrong-state")
        for step in ("publish", "rollback", "withdraw"):
            assert said(await desk.step("bob", own, step)) == (403, "not-allowed")
        assert said(await desk.step("ann", own, "publish", live="0" * 16)) == (409, "live-changed")
        assert said(await desk.step("ann", "f" * 16, "publish")) == (404, "unknown-revision")
        assert said(await desk.get("reader", "/v1/policies/nothing")) == (422, "invalid")
        assert said(await desk.get("both", "/v1/audit")) == (403, "not-allowed")

    at_desk(redis_url, story)


def test_a_time_is_kept_moved_and_withdrawn(redis_url: str) -> None:
    async def story(desk: Desk) -> None:
        revision = await desk.drafted("ann", 40)
        await desk.step("bob", revision, "approve")
        soon = datetime.now(UTC) + timedelta(hours=1)
        scheduled = await desk.step("ann", revision, "publish", at=soon.isoformat())
        assert (scheduled.json()["state"], scheduled.json()["goes_live"][:16]) == ("scheduled", soon.isoformat()[:16])
        past = await desk.step("ann", revision, "publish", at="2020-01-01T00:00:00Z")
        assert said(past) == (422, "invalid")
        assert said(await desk.step("ann", revision, "publish", at="2027-01-01T00:00:00")) == (422, "invalid")
        assert (await desk.step("ann", revision, "withdraw")).json()["state"] == "draft"
        assert said(await desk.step("ann", revision, "publish")) == (409, "not-approved")

    at_desk(redis_url, story)


def test_the_log_is_read_in_pages(redis_url: str) -> None:
    async def story(desk: Desk) -> None:
        for value in (50, 60, 70):
            await desk.drafted("ann", value)
        pages, cursor = [], "0-0"
        while True:
            page = (await desk.get("reader", f"/v1/audit?after={cursor}&limit=2")).json()
            if not page["entries"]:
                break
            pages.append(len(page["entries"]))
            cursor = page["cursor"]
        assert pages == [2, 2, 1]
        assert said(await desk.get("reader", "/v1/audit?after=x")) == (422, "invalid")

    at_desk(redis_url, story)
