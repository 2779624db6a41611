"""CloudEvents 1.0 over HTTP: structured, binary and batched mode (the HTTP protocol binding, version 1.0.2)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError

from app.api.bodies import decoded, findings, media_type
from app.errors import MalformedBody, TooLarge, UnknownMediaType
from schemas.interaction import CloudEvent, Refusal

MOST_EVENTS = 1_000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PLAIN = "application/json"


def raw_events(headers: Mapping[str, str], body: bytes) -> list[Any]:
    """The events of a request, not validated yet. Raises MalformedBody, TooLarge and UnknownMediaType."""
    kind = media_type(headers)
    if "ce-specversion" in headers:
        return [_binary(headers, body)]
    if kind not in (STRUCTURED, BATCH, PLAIN):
        raise UnknownMediaType
    value = decoded(body)
    if isinstance(value, list) and kind != STRUCTURED:
        if len(value) > MOST_EVENTS:
            raise TooLarge(f"The batch has {len(value):,} interactions; at most {MOST_EVENTS:,} are taken at once.")
        return value
    if isinstance(value, dict) and kind != BATCH:
        return [value]
    raise MalformedBody("The body must be one event, or a list of events in batched mode.")


def _binary(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Attributes stand in `ce-` headers, percent-encoded; the body is the data."""
    if media_type(headers) != PLAIN:
        raise UnknownMediaType("The data of an event in binary mode must be application/json.")
    attributes = {name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    return {**attributes, "data": decoded(body) if body else {}}


def parsed(raw: Sequence[Any]) -> tuple[dict[int, CloudEvent], list[Refusal]]:
    """The well-formed events by index, and a refusal for each of the others."""
    events, refused = {}, []
    for index, each in enumerate(raw):
        try:
            events[index] = CloudEvent.model_validate(each)
        except ValidationError as cause:
            refused.append(_refusal(index, each, cause))
    return events, refused


def _refusal(index: int, raw: Any, cause: ValidationError) -> Refusal:
    found = findings(cause)
    reason = "; ".join(f"`{each['field']}`: {each['reason']}" if each["field"] else each["reason"] for each in found)
    given = raw.get("id") if isinstance(raw, dict) else None
    return Refusal(
        index=index,
        id=given if isinstance(given, str) else None,
        reason=reason,
        hint="see CloudEvents 1.0: specversion, id, source and type are required",
    )
