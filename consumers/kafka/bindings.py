"""CloudEvents 1.0 in Kafka: structured and binary mode (the Kafka protocol binding, version 1.0.2). Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from consumers.dead_letters import Undecodable
from consumers.kafka.messages import CONTENT_TYPE
from schemas.topics import BINARY, STRUCTURED

PREFIX = "ce_"
BATCHED = "application/cloudevents-batch+json"
Headers = Mapping[str, bytes | None]


def event_of(headers: Headers, value: bytes | None) -> dict[str, Any]:
    """The attributes of an event and its `data`, not validated yet. Raises Undecodable.

    A JSON object without any `ce_` header is taken as a structured event whatever its content type says.
    """
    kind = media_type(headers)
    if kind == BATCHED:
        raise Undecodable("a record holds one event; batched mode is not for Kafka")
    return json_object(value) if _is_structured(headers, kind) else _binary(headers, kind, value)


def is_structured(headers: Headers) -> bool:
    """Whether the value is the whole event. Raises Undecodable."""
    kind = media_type(headers)
    return kind != BATCHED and _is_structured(headers, kind)


def _is_structured(headers: Headers, kind: str) -> bool:
    return kind == STRUCTURED or f"{PREFIX}specversion" not in headers


def media_type(headers: Headers) -> str:
    return _text(CONTENT_TYPE, headers.get(CONTENT_TYPE)).partition(";")[0].strip().lower()


def json_object(value: bytes | None) -> dict[str, Any]:
    """Raises Undecodable."""
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError as cause:
        raise Undecodable(f"the value is no JSON: {cause}") from cause
    if not isinstance(found, dict):
        raise Undecodable("the value must be a JSON object")
    return found


def _binary(headers: Headers, kind: str, value: bytes | None) -> dict[str, Any]:
    """Attributes stand in `ce_` headers as UTF-8 text; the value is the data."""
    if kind not in ("", BINARY):
        raise Undecodable(f"the data of an event in binary mode must be {BINARY}, not {kind}")
    attributes = {
        name.removeprefix(PREFIX): _text(name, given) for name, given in headers.items() if name.startswith(PREFIX)
    }
    return {**attributes, "data": json_object(value) if value else {}}


def _text(name: str, given: bytes | None) -> str:
    try:
        return (given or b"").decode()
    except UnicodeDecodeError as cause:
        raise Undecodable(f"the header {name} is no UTF-8 text") from cause
