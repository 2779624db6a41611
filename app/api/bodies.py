"""Request bodies: bounded in size and depth, UTF-8 JSON without NaN. Anything else is a problem with a reason."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.api.headers import header
from app.api.wording import findings
from app.errors import Invalid, MalformedBody, TooLarge, UnknownMediaType

JSON = "application/json"
MOST_BYTES = 1_000_000
MOST_BATCH_BYTES = 10_000_000
DEEPEST = 32

Parsed = TypeVar("Parsed", bound=BaseModel)


async def read(receive: Receive, most_bytes: int = MOST_BYTES) -> bytes:
    """The body, read no further than its bound. Raises TooLarge, and ClientDisconnect where the caller has left."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > most_bytes:
            raise TooLarge(f"The body is larger than {most_bytes:,} bytes.")
        if not message.get("more_body", False):
            return b"".join(chunks)


def decoded(body: bytes) -> Any:
    """The JSON of a body. Raises MalformedBody."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as cause:
        raise MalformedBody(f"The body is not JSON: {cause}.") from cause
    if body.count(b"{") + body.count(b"[") > DEEPEST and _deeper_than(value, DEEPEST):
        raise MalformedBody(f"The body is nested more than {DEEPEST} levels deep.")
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        return not levels or any(_deeper_than(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        return not levels or any(_deeper_than(each, levels - 1) for each in value)
    return False


def media_type(headers: Mapping[str, str]) -> str:
    return _kind(headers.get("content-type"))


def _kind(content_type: str | None) -> str:
    return JSON if content_type is None else content_type.partition(";")[0].strip().lower()


def validated(model: type[Parsed], value: Any) -> Parsed:
    """Raises Invalid with every finding."""
    try:
        return model.model_validate(value)
    except ValidationError as cause:
        raise Invalid(errors=findings(cause, model)) from cause


async def json_of(request: Request, most_bytes: int = MOST_BYTES) -> Any:
    """The JSON of a call that takes nothing else. Raises UnknownMediaType, TooLarge and MalformedBody."""
    if _kind(header(request.scope, b"content-type")) != JSON:
        raise UnknownMediaType(hint="Send it as application/json.")
    return decoded(await read(request.receive, most_bytes))


def json_body(model: type[Parsed], most_bytes: int = MOST_BYTES) -> Callable[[Request], Awaitable[Parsed]]:
    """A dependency that gives the body as `model`."""

    async def parse(request: Request) -> Parsed:
        return validated(model, await json_of(request, most_bytes))

    return parse
