"""OpenAPI and its page: every problem and every body is described, and nothing is loaded from elsewhere."""

import re
from typing import Any

import httpx
import pytest

from app.api import openapi
from app.api.pages import FILES
from app.reference import problem_kinds
from schemas.decision import DecisionRequest
from schemas.interaction import CloudEvent
from schemas.response import ResponseRequest
from tests.app.test_http import call, on_api


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    found: dict[str, Any] = call("GET", "/openapi.json").json()
    return found


def test_schemas_and_keys(page: dict[str, Any]) -> None:
    schemas = page["components"]["schemas"]
    named = {"CloudEvent", "DecisionRequest", "ResponseRequest", "Decision", "Accepted", "Scorecard", "Problem"}
    assert named | {"ActionPage"} <= schemas.keys()
    assert "HTTPValidationError" not in schemas
    assert {each["type"] for each in page["components"]["securitySchemes"].values()} == {"http", "apiKey"}
    for name in references(page):
        assert name.removeprefix("#/components/schemas/") in schemas, name


def test_every_call_names_the_problems_it_may_answer_with(page: dict[str, Any]) -> None:
    named = set()
    for path, methods in page["paths"].items():
        for operation in methods.values():
            assert bool(operation.get("security")) == path.startswith("/v1/"), path
            refused = {status: each for status, each in operation["responses"].items() if status >= "4"}
            if path.startswith("/v1/"):
                assert {"401", "403", "422", "500", "503"} <= refused.keys(), path
            for status, each in refused.items():
                (content,) = each["content"].values()
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                for name, example in content["examples"].items():
                    assert example["value"]["status"] == int(status)
                    assert example["value"]["type"] == f"/problems/{name}"
                    named.add(name)
    assert named == {kind.name for kind in problem_kinds()} - {"method-not-allowed"}


def test_examples_fit(page: dict[str, Any]) -> None:
    CloudEvent.model_validate(openapi.EVENT)
    DecisionRequest.model_validate(openapi.QUESTION)
    ResponseRequest.model_validate(openapi.ANSWER)
    for methods in page["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["example"]


def test_a_batch_is_a_list_and_binary_mode_has_its_headers(page: dict[str, Any]) -> None:
    operation = page["paths"]["/v1/interactions"]["post"]
    contents = operation["requestBody"]["content"]
    assert contents["application/cloudevents-batch+json"]["schema"]["type"] == "array"
    assert len(contents["application/json"]["schema"]["anyOf"]) == 3
    headers = {each["name"] for each in operation["parameters"]}
    assert {"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-visitor"} <= headers


def test_the_page_names_no_other_host() -> None:
    async def story(api: httpx.AsyncClient) -> list[httpx.Response]:
        return [await api.get(path) for path in ("/docs", "/docs/start.js", *(f"/docs/{name}" for name in FILES))]

    shown, start, *rest = on_api(story)
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    for text in (shown.text, start.text):
        assert not re.search(r"//[a-z]", text)
        assert "<script>" not in text, "the policy allows no script in the page itself"
    assert all(answer.status_code == 200 and answer.content for answer in (shown, start, *rest))
    for name in re.findall(r'(?:src|href)="docs/([^"]+)"', shown.text):
        assert name in {"start.js", *FILES}


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()
