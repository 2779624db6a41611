"""Whom an event or a request is about: identifiers, each `<kind>:<value>`, ranked.

A customer's own id is the strongest kind and `visitor` (somebody anonymous, a cookie) the weakest; the kinds that a
policy declares under `identifiers:` stand between them in their order. The strongest that is named is the subject.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Model

CUSTOMER, VISITOR = "customer", "visitor"
BUILT_IN_KINDS = (CUSTOMER, VISITOR)
PLAIN = re.compile(r"[^\s\x00-\x1f]{1,200}")


def kind_of(identifier: str) -> str:
    return identifier.partition(":")[0]


def value_of(identifier: str) -> str:
    return identifier.partition(":")[2]


def named(given: Mapping[str, Any], kinds: Iterable[str] = BUILT_IN_KINDS) -> list[str]:
    """The identifiers that are given by kind, strongest first. `kinds` are all there are, strongest first.

    Raises ValueError if none is given, or if one is no text that can be an identifier.
    """
    known = tuple(kinds)
    found = [f"{kind}:{_checked(kind, given[kind])}" for kind in known if given.get(kind) is not None]
    if not found:
        raise ValueError(f"say whom this is about: one of {', '.join(f'`{kind}`' for kind in known)}")
    return found


def _checked(kind: str, value: object) -> str:
    if not isinstance(value, str) or not PLAIN.fullmatch(value):
        raise ValueError(f"`{kind}` must be a text of at most 200 characters without spaces")
    return value


def fields_of(identifier: str) -> dict[str, Any]:
    """How a model names it: `{"customer": "ada"}`, `{"visitor": "v-1"}` or `{"identifiers": {"phone": "…"}}`."""
    kind, value = kind_of(identifier), value_of(identifier)
    return {kind: value} if kind in BUILT_IN_KINDS else {"identifiers": {kind: value}}


def identifier_of(customer: str | None, visitor: str | None, identifiers: Mapping[str, str] | None) -> str:
    """The one that a model names, as `fields_of` wrote it."""
    given = {CUSTOMER: customer, VISITOR: visitor, **(identifiers or {})}
    return named(given, (CUSTOMER, *(identifiers or {}), VISITOR))[0]


Identifier = Annotated[
    str, Field(min_length=3, max_length=221, pattern=r"^[a-z][a-z0-9]*:[^\s\x00-\x1f]+$", examples=["visitor:v-1"])
]


class LinkRequest(Model):
    """Two identifiers of one person."""

    identifier: Identifier
    """The weaker one, such as `visitor:v-1`."""
    owner: Identifier
    """The stronger one, such as `customer:ada`."""


class Claim(Model):
    """A stronger identifier was named together with the one that this record is about."""

    kind: Literal["claim"] = "claim"
    claimant: str
    at_ms: int
    """When they were named together."""


class Judged(Model):
    """Somebody says that a claim is wrong (undoes the merge), or right after all."""

    kind: Literal["judged"] = "judged"
    claimant: str
    at_ms: int
    wrong: bool


class Passed(Model):
    """An interaction of a claimed identifier, for the rules of its owner."""

    subject: str
    event: dict[str, Any]


class Parts(Model):
    """What a claimed identifier sends to its owner; without any part it withdraws."""

    kind: Literal["parts"] = "parts"
    source: str
    version: int
    """How far the source has followed its log."""
    parts: dict[str, dict[str, Any]]
    """Profile and ledger by identifier: its own, and what it has from others."""
    visits: tuple[tuple[int, str, list[Any]], ...] = ()
    """What was in progress when the source was claimed, and is the owner's to sum up: where in the source's log that
    was, the channel, the visit."""
    events: tuple[Passed, ...] = ()
    """What happened since the version before."""


class Forgotten(Model):
    """Somebody was erased: nobody may name them any more."""

    kind: Literal["forgotten"] = "forgotten"
    name: str
    receipt: str
    requested_ms: int


class Again(Model):
    """The shard of an identifier has lost what it had said: it says again what is so."""

    kind: Literal["again"] = "again"
    to: str
    """Who has heard it."""


class Answered(Model):
    """A response that came under another identifier of the person: what it is about was decided under this one."""

    kind: Literal["answered"] = "answered"
    response: dict[str, Any]
    """As it stands in the log, with its response code."""


IdentityRecord = Annotated[Claim | Judged | Parts | Forgotten | Again | Answered, Field(discriminator="kind")]
"""A record of the topic `identities`, about the identifier that is its subject."""
