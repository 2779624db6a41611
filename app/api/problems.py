"""Every error as `application/problem+json`. The cause stays in the log."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from app.api.wording import sentence
from app.errors import Invalid, MethodNotAllowed, NotFound, RequestError, Unexpected, request_error
from profiles.errors import ProfileError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


def problem(refusal: RequestError, headers: dict[str, str] | None = None) -> Response:
    body = refusal.problem.model_dump_json(exclude_defaults=True)
    return Response(body, refusal.status, headers={**refusal.headers, **(headers or {})}, media_type=MEDIA_TYPE)


def refused(error: RequestError | ProfileError) -> Response:
    """What a part of ours has said, as a problem."""
    if isinstance(error, RequestError):
        return problem(error)
    refusal = request_error(error)
    if refusal.status >= 500:
        log.warning("request failed", extra={"problem": refusal.name, "cause": str(error)})
    return problem(refusal)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError | ProfileError)
    return refused(error)


async def _invalid_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    names = [".".join(map(str, each["loc"][1:])) for each in error.errors()]  # without "query" or "path"
    reasons = [sentence(each, name) for each, name in zip(error.errors(), names, strict=True)]
    return problem(Invalid(errors=[{"field": n, "reason": r} for n, r in zip(names, reasons, strict=True)]))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kinds: dict[int, type[RequestError]] = {404: NotFound, 405: MethodNotAllowed}
    return problem(kinds.get(error.status_code, Unexpected)(), dict(error.headers or {}))


def install(app: FastAPI) -> None:
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(ProfileError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(HTTPException, _http)
