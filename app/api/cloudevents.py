"""CloudEvents 1.0 over HTTP: structured, binary and batched mode (the HTTP protocol binding, version 1.0.2)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError

from app.api.bodies import decoded, media_type
from app.api.wording import findings
from app.errors import MalformedBody, TooLarge, UnknownMediaType
from schemas.interaction import CloudEvent, Event, Refusal, event_taken

MOST_EVENTS = 1_000
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PLAIN = "application/json"
NEEDED = frozenset({"specversion", "id", "source", "type"})
REQUIRED = 'CloudEvents 1.0 requires `specversion` ("1.0"), `id`, `source` and `type` of every event'


def raw_events(headers: Mapping[str, str], body: bytes) -> list[Any]:
    """The events of a request, not validated yet. Raises MalformedBody, TooLarge and UnknownMediaType."""
    kind = media_type(headers)
    if kind not in (STRUCTURED, BATCH) and any(name.startswith("ce-") for name in headers):
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
    raise _other_mode(kind, value)


def _other_mode(kind: str, value: Any) -> MalformedBody:
    """What is wrong with a body that is neither the event nor the list which its content type says."""
    if isinstance(value, list):
        return MalformedBody(f"The body is a list, but {kind} is for one event.", hint=f"Send a batch as {BATCH}.")
    if isinstance(value, dict):
        hint = f"Send one event as {STRUCTURED}, or put it into a list."
        return MalformedBody(f"The body is one event, but {kind} is for a list of them.", hint=hint)
    return MalformedBody("The body must be an event (a JSON object), or a list of events in batched mode.")


def _binary(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Attributes stand in `ce-` headers, percent-encoded; the body is the data."""
    if "ce-specversion" not in headers:
        hint = "Send `ce-specversion: 1.0` with them, or none of them and the event itself as the body."
        raise MalformedBody("There are `ce-` headers, but not `ce-specversion`.", hint=hint)
    if media_type(headers) != PLAIN:
        raise UnknownMediaType("The data of an event in binary mode must be application/json.")
    attributes = {name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")}
    return {**attributes, "data": decoded(body) if body else {}}


def parsed(raw: Sequence[Any]) -> tuple[dict[int, CloudEvent | Event], list[Refusal]]:
    """The well-formed events by index, and a refusal for each of the others."""
    events: dict[int, CloudEvent | Event] = {}
    refused = []
    for index, each in enumerate(raw):
        try:
            events[index] = event_taken(each) or CloudEvent.model_validate(each)
        except ValidationError as cause:
            refused.append(_refusal(index, each, cause))
    return events, refused


def _refusal(index: int, raw: Any, cause: ValidationError) -> Refusal:
    if not isinstance(raw, dict):
        return Refusal(index=index, id=None, reason="an event must be a JSON object", hint=REQUIRED)
    found, given = findings(cause, CloudEvent), raw.get("id")
    no_event = any(each["field"] in NEEDED for each in found)
    return Refusal(
        index=index,
        id=given if isinstance(given, str) else None,
        reason="; ".join(each["reason"] for each in found),
        hint=REQUIRED if no_event else None,
    )
