"""The committed JSON Schemas are those of the models, and the policy's accepts what the loader accepts."""

# ruff: noqa: E501 (tables)

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rules.policy.nodes import plain
from rules.policy.reader import read
from rules.policy.source import Source
from schemas.export import FOLDER, documents
from tests.rules.policy.samples import BASE

RICH = """\
policy: {name: rich}
session: {idle: 20m, features: {cart: {sum: amount, of: [purchase]}}}
attributes: {a: "int!", b: {type: list<string>, one_of: [yes, no]}}
outcomes: {x: {class: neutral, implies: []}}
campaigns:
  - {id: c, starts: 2026-01-01, programs: [{id: p, cells: [{id: x, share: 33.4, offers: [o]}]}]}
rules:
  - {id: a, when: [x, y], if: now > now, propose: o, on: [call, web], for: 24h}
contact_policy:
  cool_downs: [{after: x, for: 90d, per: customer}]
  remember: 400d
examples:
  - {name: e, given: {responses: [{offer: o, outcome: x, ago: 3d}]}, when: {channel: c, placement: p}, then: {offers: []}}
"""


def test_the_committed_schemas_are_those_of_the_models() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert committed == documents(), "run `make schemas`"


@pytest.mark.parametrize("name", documents())
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(documents()[name]))


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.yaml"))


@pytest.mark.parametrize("text", [BASE, RICH, *(path.read_text(encoding="utf-8") for path in EXAMPLES)])
def test_the_policy_schema_accepts_what_the_loader_accepts(text: str) -> None:
    assert _refusals(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "outcomes: {x: {kind: neutral}}",
        "rules: [{id: a, propose: o, condition: now > now}]",
        "attributes: {a: integer}",
        "session: {idle: 30}",
        "offerz: []",
        "offers: [{id: a, name: b, always: yes, treatments: []}]",
    ],
)
def test_the_policy_schema_refuses_what_the_loader_refuses(text: str) -> None:
    assert _refusals(text)


def _refusals(text: str) -> list[str]:
    schema: dict[str, Any] = json.loads(documents()["policy.schema.json"])
    root = read(Source("a.yaml", text)).root
    assert root is not None
    return [error.message for error in Draft202012Validator(schema).iter_errors(plain(root))]
