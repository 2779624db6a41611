"""What the edge can refuse, and how it says so.

AppError
├── StartError               an operator reads it on the terminal: one sentence and what to do
│   ├── BadSettings
│   ├── NoRedisServer        there is no redis-server to embed
│   ├── FolderInUse          another Opportune runs on this folder
│   ├── PortInUse
│   ├── ChildEnded           a process ended before it was ready
│   └── NoStore              no Redis was named, or it does not answer
└── RequestError             answered over HTTP as RFC 9457 problem details
    ├── MalformedBody        400
    ├── NotAuthenticated     401
    ├── NotAllowed           403
    ├── SameEyes             403
    ├── NotFound             404
    ├── UnknownResponseCode  404
    ├── UnknownRevision      404
    ├── MethodNotAllowed     405
    ├── NotLinked            404
    ├── NotKept              404
    ├── NoPolicy             409
    ├── NotApproved          409
    ├── WrongState           409
    ├── LiveChanged          409
    ├── IdentifierTaken      409
    ├── TooLarge             413
    ├── UnknownMediaType     415
    ├── Invalid              422
    ├── PolicyRefused        422
    ├── BadResponseCode      422
    ├── UnknownOutcome       422
    ├── NothingAccepted      422
    ├── NoRoom               429
    ├── Unexpected           500
    ├── StoreAway            503
    ├── StoreFull            503
    └── StoreBusy            503

A request error has a public side (everything on it is sent) and a private one (its `__cause__`, only logged).
`TRANSLATIONS` says which of them stands for the errors of other parts.
"""
# ruff: noqa: N818 (these names read as sentences where they are raised)

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from profiles.errors import BadFields, OutOfRoom, StoreUnavailable, TooMuchContention
from schemas.problem import Problem


class AppError(Exception):
    pass


class StartError(AppError):
    """Opportune cannot start or go on; shown without a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class BadSettings(StartError):
    pass


class NoRedisServer(StartError):
    pass


class FolderInUse(StartError):
    pass


class PortInUse(StartError):
    pass


class ChildEnded(StartError):
    pass


class NoStore(StartError):
    pass


class RequestError(AppError):
    """One answer over HTTP. docs/problems.md is generated from the class variables."""

    name: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]
    sentence: ClassVar[str]
    """The detail, where nobody gives a better one."""
    usual_hint: ClassVar[str]
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, detail: str | None = None, *, hint: str | None = None, errors: Sequence[dict[str, Any]] = ()
    ) -> None:
        super().__init__(detail or self.sentence)
        self.problem = Problem(
            type=f"/problems/{self.name}",
            title=self.title,
            status=self.status,
            detail=detail or self.sentence,
            hint=hint or self.usual_hint,
            errors=tuple(errors),
        )


class MalformedBody(RequestError):
    name, title, status = "malformed-body", "The body cannot be read", 400
    sentence = "The body is not the JSON that this call takes."
    usual_hint = "Send UTF-8 JSON without NaN or Infinity, nested at most 32 levels deep."


class NotAuthenticated(RequestError):
    name, title, status = "not-authenticated", "An API key is needed", 401
    sentence = "The call carries no API key, or one that is unknown or revoked."
    usual_hint = "Send `Authorization: Bearer opp_…`; `opportune keys make` makes a key."
    headers = {"WWW-Authenticate": 'Bearer realm="opportune"'}


class NotAllowed(RequestError):
    name, title, status = "not-allowed", "The API key lacks a scope", 403
    sentence = "The API key is valid, but not for this call."
    usual_hint = "Use a key with the scope named above; `opportune keys list` shows what each one may do."


class NotFound(RequestError):
    name, title, status = "not-found", "There is no such thing", 404
    sentence = "Nothing is found under this address."
    usual_hint = "Look at /docs for the addresses there are, and check the identifier."


class UnknownResponseCode(RequestError):
    name, title, status = "unknown-code", "The response code is not known", 404
    sentence = "The response code is well formed, but no decision here made it, or it is forgotten by now."
    usual_hint = "Check that the code belongs to this service; the policy says how long codes live."


class NotKept(RequestError):
    name, title, status = "not-kept", "What decided is not kept any more", 404
    sentence = "The policy revision or the model that decided is not kept here."
    usual_hint = "GET /v1/decisions/{id} still has the record, with the reason for every candidate."


class NoPolicy(RequestError):
    name, title, status = "no-policy", "No policy is live", 409
    sentence = "Nothing can be decided or typed before a policy is published."
    usual_hint = "Publish one: opportune publish <folder>"


class UnknownRevision(RequestError):
    name, title, status = "unknown-revision", "There is no such policy revision", 404
    sentence = "No policy with this revision was ever drafted here."
    usual_hint = "GET /v1/policies, or `opportune policies`, lists the revisions there are."


class SameEyes(RequestError):
    name, title, status = "same-eyes", "Somebody else has to approve it", 403
    sentence = "Whoever has drafted a policy cannot approve it."
    usual_hint = "Ask somebody with a key of their own that has the scope `approve`."


class NotApproved(RequestError):
    name, title, status = "not-approved", "The policy is not approved", 409
    sentence = "The policy goes live after somebody else than its author has approved it."
    usual_hint = (
        "Have it approved: `opportune approve <revision>`, with a key of somebody else that has the scope `approve`."
    )


class WrongState(RequestError):
    name, title, status = "wrong-state", "The policy is not in a state for this step", 409
    sentence = "The policy is not in a state in which this step makes sense."
    usual_hint = "GET /v1/policies, or `opportune policies`, shows the state of every revision."


class LiveChanged(RequestError):
    name, title, status = "live-changed", "Another policy is live by now", 409
    sentence = "Another policy is live than the one that the call names as live."
    usual_hint = "Look at what has changed (GET /v1/audit), and repeat the call if it is still wanted."


class PolicyRefused(RequestError):
    name, title, status = "policy-refused", "The policy does not fit", 422
    sentence = "The policy has errors, or examples that do not hold."
    usual_hint = "Each entry of `errors` has file, line, column, what is wrong, and a hint."


class NotLinked(RequestError):
    name, title, status = "not-linked", "The identifiers are not linked", 404
    sentence = "The identifier does not belong to this owner."
    usual_hint = "GET /v1/customers/{id} lists what belongs to somebody."


class IdentifierTaken(RequestError):
    name, title, status = "identifier-taken", "The identifier belongs to somebody else", 409
    sentence = "The identifier belongs to somebody else."
    usual_hint = "Undo that link first, with POST /v1/identities/unlink, if it was wrong."


class BadResponseCode(RequestError):
    name, title, status = "bad-code", "This is no response code", 422
    sentence = "The response code cannot be right."
    usual_hint = "Read it again; case, spaces, dashes and look-alike letters do not matter."


class UnknownOutcome(RequestError):
    name, title, status = "unknown-outcome", "The policy has no such outcome", 422
    sentence = "The outcome is not declared by the live policy."
    usual_hint = "Use an outcome of the policy's section `outcomes`."


class MethodNotAllowed(RequestError):
    name, title, status = "method-not-allowed", "The address does not take this method", 405
    sentence = "The address exists, but not for this method."
    usual_hint = "The header `Allow` names the methods it takes."


class TooLarge(RequestError):
    name, title, status = "too-large", "The request is too large", 413
    sentence = "The body, or the batch in it, is larger than this call takes."
    usual_hint = "Send at most 1,000 interactions and 10 MB at once, or a policy of 10 MB; 1 MB for any other call."


class UnknownMediaType(RequestError):
    name, title, status = "unknown-media-type", "The content type is not taken", 415
    sentence = "The body has a content type that this call does not take."
    usual_hint = (
        "Use application/json; for interactions also application/cloudevents+json, "
        "application/cloudevents-batch+json, or `ce-` headers with a JSON body."
    )


class Invalid(RequestError):
    name, title, status = "invalid", "Some fields are not valid", 422
    sentence = "The request was understood, but some of its fields are missing or not valid."
    usual_hint = "Each entry of `errors` names a field and says what is wrong with it."


class NothingAccepted(RequestError):
    name, title, status = "nothing-accepted", "No interaction was accepted", 422
    sentence = "Every interaction of the request was refused."
    usual_hint = "Each entry of `errors` has the index, the reason and a hint."


class NoRoom(RequestError):
    name, title, status = "no-room", "There is no room for interactions now", 429
    sentence = "The store is nearly full, or too much waits in it; no interaction of this call was kept."
    usual_hint = "Repeat the call after `Retry-After` seconds. Decisions and responses are taken meanwhile."
    headers = {"Retry-After": "5"}


class Unexpected(RequestError):
    name, title, status = "unexpected", "Something went wrong here", 500
    sentence = "The call failed for a reason that is ours, not yours."
    usual_hint = "Repeat it; if it fails again, give the operator the header `X-Request-Id`."


class StoreAway(RequestError):
    name, title, status = "store-away", "The store cannot be reached", 503
    sentence = "Redis cannot be reached or refuses to write; nothing of this call is known to have been kept."
    usual_hint = "Repeat the call with the same identifiers: repeating is harmless."
    headers = {"Retry-After": "1"}


class StoreFull(RequestError):
    name, title, status = "store-full", "The store is full", 503
    sentence = "Redis has no memory left and refuses to write; nothing of this call is known to have been kept."
    usual_hint = "Repeat it later with the same identifiers. The operator gives Redis more memory (`maxmemory`)."
    headers = {"Retry-After": "5"}


class StoreBusy(RequestError):
    name, title, status = "store-busy", "Too many changes at once", 503
    sentence = "The customer was changed by others again and again while this call tried to."
    usual_hint = "Repeat the call with the same identifiers: repeating is harmless."
    headers = {"Retry-After": "1"}


FIELD = re.compile(r".*field `([^`]+)`|[^`]*`([^`]+)`")
"""Which field the reason of a BadFields is about: `context` has no field `queue`; `amount` must be …"""

TRANSLATIONS: Mapping[type[Exception], type[RequestError]] = {
    StoreUnavailable: StoreAway,
    OutOfRoom: StoreFull,
    TooMuchContention: StoreBusy,
}


def request_error(error: Exception) -> RequestError:
    """What stands over HTTP for an error of another part."""
    if isinstance(error, BadFields):
        field = FIELD.search(error.reason)
        errors = [{"field": field[1] or field[2], "reason": error.reason}] if field else []
        return Invalid(error.reason, hint=error.hint, errors=errors)
    return TRANSLATIONS.get(type(error), Unexpected)()
