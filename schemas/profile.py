"""What `GET /v1/customers/{id}` shows."""

from typing import Any

from schemas.base import Model


class SessionView(Model):
    channel: str
    started: str
    last: str
    length_s: float
    interactions: int
    open: bool
    ended: str | None = None
    ended_by: str | None = None
    """`idle`, or the interaction type that ended it."""
    purpose: str | None = None
    features: dict[str, Any]


class RecentInteraction(Model):
    at: str
    type: str
    channel: str
    source: str


class StageEntered(Model):
    stage: str
    at: str


class CustomerView(Model):
    """What is known of somebody, summed over all identifiers that are theirs."""

    customer: str | None = None
    visitor: str | None = None
    identifiers: dict[str, str] | None = None
    """By kind, for somebody who is known by neither of these."""
    belonging: tuple[str, ...] = ()
    """Other identifiers that are theirs, such as `visitor:v-1`."""
    version: int
    first_seen: str | None
    last_seen: str | None
    attributes: dict[str, Any]
    features: dict[str, Any]
    tags: tuple[str, ...] = ()
    scores: dict[str, int | float] = {}
    segments: tuple[str, ...]
    stage: str | None
    """Judged now, as a decision would."""
    stage_since: str | None = None
    stages: tuple[StageEntered, ...] = ()
    """The transitions on record, newest first."""
    sessions: tuple[SessionView, ...]
    recent: tuple[RecentInteraction, ...]
    """The latest interactions over all touchpoints, newest first."""
    ledger: dict[str, Any]
