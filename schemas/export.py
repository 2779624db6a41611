"""Writes the JSON Schemas (draft 2020-12) of what crosses a process or a file to `schemas/json/`, and asyncapi.yaml.

Run as `python -m schemas.export`. A test compares the committed files with the models. A policy file names
its schema in its first line, so that editors complete and validate it:

    # yaml-language-server: $schema=../../schemas/json/policy.schema.json
"""

import json
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from schemas.action import Action, ActionPage
from schemas.asyncapi import written
from schemas.dead_letter import DeadLetter
from schemas.decision import Decision, DecisionRecord, DecisionRequest
from schemas.difference import PolicyDifferences
from schemas.erasure import ErasureReceipt, ErasureRecord
from schemas.explanation import AgentExplanation, FullExplanation
from schemas.identity import IdentityRecord
from schemas.interaction import CloudEvent
from schemas.policy import PolicyFile
from schemas.problem import Problem
from schemas.profile import CustomerView
from schemas.response import ResponseRecord, ResponseRequest
from schemas.revision import AuditPage, DraftRequest, PublishRequest, RevisionContent, RevisionList
from schemas.scorecard import Scorecard

FOLDER = Path(__file__).parent / "json"
ASYNCAPI = Path(__file__).parent / "asyncapi.yaml"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

# what comes in may leave out what has a default; what goes out has every field
INCOMING: dict[str, Any] = {
    "policy": PolicyFile,
    "cloud-event": CloudEvent,
    "decision-request": DecisionRequest,
    "response-request": ResponseRequest,
    "draft-request": DraftRequest,
    "publish-request": PublishRequest,
}
OUTGOING: dict[str, Any] = {
    "decision": Decision,
    "decision-record": DecisionRecord,
    "explanation-agent": AgentExplanation,
    "explanation-full": FullExplanation,
    "response-record": ResponseRecord,
    "identity-record": IdentityRecord,
    "dead-letter": DeadLetter,
    "customer-view": CustomerView,
    "action": Action,
    "action-page": ActionPage,
    "scorecard": Scorecard,
    "erasure-record": ErasureRecord,
    "erasure-receipt": ErasureReceipt,
    "revision": RevisionContent,
    "revision-list": RevisionList,
    "audit-page": AuditPage,
    "policy-differences": PolicyDifferences,
    "problem": Problem,
}


def documents() -> dict[str, str]:
    """The text of every schema by file name."""
    incoming = {name: _text(model, "validation") for name, model in INCOMING.items()}
    outgoing = {name: _text(model, "serialization") for name, model in OUTGOING.items()}
    return {f"{name}.schema.json": text for name, text in sorted({**incoming, **outgoing}.items())}


def write(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    ASYNCAPI.write_text(written(), encoding="utf-8")


def _text(model: Any, mode: Literal["validation", "serialization"]) -> str:
    schema: dict[str, Any] = {"$schema": DRAFT, **TypeAdapter(model).json_schema(by_alias=True, mode=mode)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{len(documents())} schemas in {FOLDER}\n")
