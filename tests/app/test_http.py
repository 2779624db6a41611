"""The form of the HTTP API: problems, bounds, keys, headers and OpenAPI. What it calls is stood in for here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import orjson
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.actions import Wanted
from app.api import create_app
from app.availability import Availability
from app.errors import NotAllowed, NotAuthenticated
from app.keys import Verifier
from app.metrics import Metrics
from app.services import Services
from profiles.connection import connected
from profiles.errors import BadFields, StoreUnavailable
from profiles.registry import Registry
from schemas.action import ActionPage
from schemas.profile import CustomerView
from schemas.scorecard import Row, Scorecard, Totals

KEY = {"Authorization": "Bearer good"}
ASKED = {"customer": "ada", "channel": "web", "placements": [{"placement": "hero"}]}
EVENT = {"specversion": "1.0", "id": "1", "source": "shop", "type": "view", "subject": "ada"}


class Keys:
    async def require(self, token: str | None, scope: str, *others: str) -> None:
        if token != "good":
            raise NotAuthenticated
        if scope == "respond":
            raise NotAllowed


class There:
    """A store that answers."""

    def require(self) -> None: ...

    async def ask(self, question: Callable[[], Awaitable[Any]], within_s: float) -> Any:
        return await question()


class Failing:
    """Whatever is asked of it fails as it was told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object) -> None:
            raise self._error

        return fail


class Ingestion:
    async def accept(self, events: list[Any], received: object) -> list[None]:
        return [None for _ in events]


class Nobody:
    """Knows one customer's id and one visitor's; the view itself is not of interest here."""

    async def view(self, subject: str, now: object) -> CustomerView | None:
        if subject not in ("customer:shop/ada", "visitor:a/b"):
            return None
        nothing: dict[str, Any] = dict.fromkeys(("first_seen", "last_seen", "stage"))
        nothing |= {name: {} for name in ("attributes", "features", "ledger")}
        return CustomerView(version=1, **nothing, segments=(), sessions=(), recent=())


class Board:
    """One campaign was counted; what is read of it fails as it was told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def read(self, *filters: object) -> Scorecard:
        if filters:
            raise self._error
        row = Row(day="2026-03-10", campaign="deposits", program="p", cell="c", offer="o", channel="call")
        return Scorecard(totals=Totals(), rows=(row,), comparisons=())


class Doing:
    """Nothing was done; what was asked for comes back as the cursor."""

    async def read(self, wanted: Wanted, after: str | None, limit: int, wait_s: float) -> ActionPage:
        asked = (wanted.kind, wanted.list, wanted.channel, wanted.customer, after, limit, wait_s)
        return ActionPage(actions=(), cursor=repr(asked), more=False)


def services(error: Exception) -> Services:
    """Takes in every interaction, knows nobody, and fails otherwise."""
    stand_ins = SimpleNamespace(
        keys=Keys(),
        store=There(),
        ingestion=Ingestion(),
        customers=Nobody(),
        identities=Failing(error),
        decisioning=Failing(error),
        answering=Failing(error),
        responding=Failing(error),
        actions=Doing(),
        scorecard=Board(error),
        status=Failing(error),
        metrics=Metrics(),
    )
    return cast("Services", stand_ins)


def on_api(story: Callable[[httpx.AsyncClient], Awaitable[Any]], error: Exception | None = None) -> Any:
    known = services(error or RuntimeError("hunter2"))

    @asynccontextmanager
    async def opening() -> AsyncIterator[Services]:
        yield known

    async def go() -> Any:
        app = create_app(opening, known.metrics)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://api") as api,
        ):
            return await story(api)

    return asyncio.run(go())


def call(method: str, path: str, error: Exception | None = None, **options: Any) -> httpx.Response:
    options = {"headers": KEY, **options}
    answer: httpx.Response = on_api(lambda api: api.request(method, path, **options), error)
    return answer


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body["type"].removeprefix("/problems/")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", (404, "not-found")),
        ("GET", "/v1/customers/nobody", (404, "not-found")),
        ("DELETE", "/v1/decisions", (405, "method-not-allowed")),
        ("GET", "/v1/scorecard?from=yesterday", (422, "invalid")),
        ("GET", "/v1/scorecard?campain=deposits", (422, "invalid")),
        ("GET", "/v1/scorecard?campaign=deposit", (404, "not-found")),
        ("POST", "/v1/decisions?dry=1", (422, "invalid")),
        ("GET", "/v1/actions?kind=letter", (422, "invalid")),
        ("GET", "/v1/actions?lst=retention", (422, "invalid")),
        ("GET", "/v1/actions?limit=0", (422, "invalid")),
        ("GET", "/v1/actions?wait_s=21", (422, "invalid")),
    ],
)
def test_addresses_methods_and_parameters_that_do_not_fit(method: str, path: str, expected: tuple[int, str]) -> None:
    assert problem(call(method, path)) == expected


def test_actions_are_asked_for_with_all_their_filters() -> None:
    asked = "kind=nudge&list=lost&channel=web&customer=ada&after=latest&limit=7&wait_s=1.5"
    page = call("GET", f"/v1/actions?{asked}").json()
    assert page == {"actions": [], "cursor": "('nudge', 'lost', 'web', 'ada', 'latest', 7, 1.5)", "more": False}
    plain = call("GET", "/v1/actions").json()
    assert plain["cursor"] == "(None, None, None, None, None, 100, 0.0)"


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer bad"}, {"X-API-Key": "bad"}, {"Authorization": "Basic Zzo="}]
)
def test_without_a_key_nothing_is_read(headers: dict[str, str]) -> None:
    answer = call("POST", "/v1/decisions", headers=headers, content=b"\xff")
    assert problem(answer) == (401, "not-authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_goes_into_either_header_and_needs_the_scope() -> None:
    assert problem(call("GET", "/v1/customers/nobody", headers={"X-API-Key": "good"}))[0] == 404
    assert problem(call("POST", "/v1/responses", json={})) == (403, "not-allowed")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "malformed-body")),
        (b"{", (400, "malformed-body")),
        (b'{"customer": "\xff"}', (400, "malformed-body")),
        (b'{"context": {"a": NaN}}', (400, "malformed-body")),
        (b'{"context": {"a": 1e999}}', (400, "malformed-body")),
        (b'{"context": ' + b"[" * 40 + b"]" * 40 + b"}", (400, "malformed-body")),
        (b"[" * 100_000, (400, "malformed-body")),
        (b"{}", (422, "invalid")),
        (b"null", (422, "invalid")),
        (orjson.dumps({**ASKED, "customr": 1}), (422, "invalid")),
        (b" " * 1_000_001, (413, "too-large")),
    ],
)
def test_bodies_that_are_refused(body: bytes, expected: tuple[int, str]) -> None:
    headers = {**KEY, "content-type": "application/json"}
    assert problem(call("POST", "/v1/decisions", headers=headers, content=body)) == expected


def test_another_content_type_is_refused() -> None:
    headers = {**KEY, "content-type": "text/xml"}
    for path in ("/v1/decisions", "/v1/interactions"):
        assert problem(call("POST", path, headers=headers, content=b"<a/>")) == (415, "unknown-media-type")


def test_good_interactions_are_accepted_and_the_others_listed() -> None:
    answer = call("POST", "/v1/interactions", json=[EVENT, {**EVENT, "id": ""}, EVENT])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert [each["index"] for each in answer.json()["refused"]] == [1]


def test_a_batch_of_bad_ones_lists_them_all_and_a_long_one_is_too_large() -> None:
    refused = call("POST", "/v1/interactions", json=[{}, {}])
    assert problem(refused) == (422, "nothing-accepted")
    assert [each["index"] for each in refused.json()["errors"]] == [0, 1]
    assert problem(call("POST", "/v1/interactions", json=[EVENT] * 1_001)) == (413, "too-large")
    assert call("POST", "/v1/interactions", json=[EVENT] * 1_000).json()["accepted"] == 1_000


def test_what_is_misspelt_is_answered_with_the_nearest() -> None:
    (finding,) = call("POST", "/v1/decisions", json={**ASKED, "customr": 1}).json()["errors"]
    assert finding == {"field": "customr", "reason": "`customr` is not a field; did you mean `customer`?"}
    (finding,) = call("GET", "/v1/scorecard?campain=deposits").json()["errors"]
    assert finding["field"] == "campain"
    assert "did you mean `campaign`?" in finding["reason"]
    answer = call("GET", "/v1/scorecard?campaign=deposit").json()
    assert answer["hint"] == "did you mean `deposits`?"


def test_fields_that_the_policy_refuses_are_listed() -> None:
    wrong = BadFields("`context` has no field `quue`", "did you mean `queue`?")
    answer = call("POST", "/v1/decisions", wrong, json=ASKED)
    assert problem(answer) == (422, "invalid")
    assert answer.json()["errors"] == [{"field": "quue", "reason": wrong.reason}]


def test_no_key_and_a_wrong_key_are_told_apart(redis_url: str) -> None:
    async def said(token: str | None) -> str:
        async with connected(redis_url) as redis:
            with pytest.raises(NotAuthenticated) as refusal:
                await Verifier(Registry(redis), Availability(redis)).require(token, "read")
            return refusal.value.problem.detail

    assert asyncio.run(said(None)) == "The call carries no API key."
    assert asyncio.run(said("opp_0000_x")) == "The API key is not known here, or was revoked."


def test_ids_may_have_slashes() -> None:
    assert call("GET", "/v1/customers/shop/ada").status_code == 200
    assert call("GET", "/v1/customers/shop%2Fada").status_code == 200
    assert call("GET", "/v1/visitors/a/b").status_code == 200


def test_health_is_asked_without_a_body_too() -> None:
    answer = call("HEAD", "/healthz")
    assert answer.status_code == 200
    assert call("HEAD", "/readyz", StoreUnavailable("gone")).status_code == 503


def test_a_caller_who_leaves_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with pytest.raises(AssertionError):  # httpx's own: there is no answer
        on_api(lambda api: api.post("/v1/decisions", headers=KEY, content=leaving()))
    assert "went away" in caplog.text
    assert "unexpected" not in caplog.text


async def leaving() -> AsyncIterator[bytes]:
    yield b'{"customer":'
    raise ClientDisconnect


def test_an_unexpected_error_keeps_its_cause_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = call("POST", "/v1/decisions", json=ASKED)
    assert problem(answer) == (500, "unexpected")
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text


def test_a_store_that_is_away_is_503_and_asks_to_come_again() -> None:
    for method, path in (("GET", "/readyz"), ("GET", "/v1/scorecard")):
        answer = call(method, path, StoreUnavailable("gone"))
        assert problem(answer) == (503, "store-away")
        assert answer.headers["retry-after"] == "1"


def test_every_answer_has_an_id_and_may_not_be_sniffed_or_kept() -> None:
    headers = call("GET", "/healthz", headers={"X-Request-Id": "mine"}).headers
    assert headers["x-request-id"] == "mine"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert len(call("GET", "/nowhere").headers["x-request-id"]) >= 16


def test_metrics_know_routes_not_identifiers() -> None:
    async def story(api: httpx.AsyncClient) -> str:
        await api.get("/v1/customers/ada-lovelace", headers=KEY)
        await api.get("/nowhere/ada-lovelace")
        return (await api.get("/metrics")).text

    page = on_api(story)
    assert 'opportune_requests_total{method="GET",route="/v1/customers/{customer}",status="404"} 1.0' in page
    assert "ada-lovelace" not in page


@pytest.mark.parametrize(
    ("headers", "error", "expected"),
    [
        ({}, None, (401, "not-authenticated")),
        (KEY, StoreUnavailable("gone"), (503, "store-away")),
        (KEY, HTTPException(418), (500, "unexpected")),
        (KEY, None, (500, "unexpected")),
    ],
)
def test_calls_that_go_in_by_the_door_are_answered_and_counted_as_all_others(
    headers: dict[str, str], error: Exception | None, expected: tuple[int, str]
) -> None:
    async def story(api: httpx.AsyncClient) -> tuple[httpx.Response, str]:
        answer = await api.post("/v1/decisions", headers={**headers, "X-Request-Id": "mine"}, json=ASKED)
        return answer, (await api.get("/metrics")).text

    answer, page = on_api(story, error)
    assert problem(answer) == expected
    assert (answer.headers["x-request-id"], answer.headers["cache-control"]) == ("mine", "no-store")
    assert f'opportune_requests_total{{method="POST",route="/v1/decisions",status="{expected[0]}"}} 1.0' in page


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "/v1/decisions", 405), ("POST", "/v1/decisions/", 307)])
def test_what_is_not_quite_one_of_these_calls_is_told_so_where_all_others_are(
    method: str, path: str, status: int
) -> None:
    assert call(method, path, json=ASKED).status_code == status
