"""Small builders with defaults, so that a test names only what it is about."""

from typing import Any

import yaml

from consumers.live import LivePolicy
from profiles.definition import Definition
from rules.policy import check
from schemas.interaction import Interaction
from schemas.ledger import LedgerEntry
from schemas.policy import Policy

NOON_MS = 1_773_144_000_000
"""2026-03-10T12:00:00Z"""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

SHOP: dict[str, Any] = {
    "policy": {"name": "shop"},
    "interactions": {
        "page_view": {"channel": "web", "fields": {"product": "string"}},
        "purchase": {"channel": "web", "fields": {"amount": "double!", "product": "string"}},
        "call_started": {"channel": "call", "fields": {"age": "int"}, "sets": ["age"]},
    },
    "outcomes": {
        "presented": {"class": "impression"},
        "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
        "declined": {"class": "negative", "implies": ["presented"], "ends": True},
    },
    "attributes": {"age": "int", "city": "string", "since": "timestamp"},
    "features": {
        "purchases_30d": {"count": "purchase", "window": "30d"},
        "spend_30d": {"sum": "event.amount", "of": "purchase", "window": "30d"},
        "spend": {"sum": "event.amount", "of": "purchase"},
        "biggest": {"max": "event.amount", "of": "purchase"},
        "smallest_30d": {"min": "event.amount", "of": "purchase", "window": "30d"},
        "mean_30d": {"mean": "event.amount", "of": "purchase", "window": "30d"},
        "last_call_at": {"last": "event.time", "of": "call_started"},
        "first_product": {"first": "event.product", "of": "page_view"},
        "viewed": {"recent": "event.product", "of": "page_view", "keep": 3},
    },
    "session": {"idle": "30m", "features": {"viewed": {"recent": "event.product", "of": "page_view"}}},
}


def shop(**sections: Any) -> Policy:
    """The policy of a small shop, with some sections replaced."""
    return Policy.model_validate({**SHOP, **sections})


def definition(**sections: Any) -> Definition:
    return Definition.from_policy(shop(**sections))


def interaction(kind: str = "page_view", at_ms: int = NOON_MS, **over: Any) -> Interaction:
    """Each interaction has an id of its own unless the test gives one; `data` holds the fields."""
    values: dict[str, Any] = {
        "id": over.pop("id", f"{kind}-{at_ms}-{sorted(over.items())}"),
        "source": "test",
        "type": kind,
        "subject": "customer:alice",
        "channel": "call" if kind == "call_started" else "web",
        "at_ms": at_ms,
        "data": {},
    }
    return Interaction(**{**values, **over})


def purchase(amount: float, at_ms: int = NOON_MS, **over: Any) -> Interaction:
    return interaction("purchase", at_ms, data={"amount": amount}, **over)


def entry(**over: Any) -> LedgerEntry:
    """A logged treatment of yesterday; with outcomes it was presented."""
    values: dict[str, Any] = {
        "code": "000AAAAAAAA0",
        "decision": "0000-x",
        "campaign": "spring",
        "program": "gifts",
        "cell": "all",
        "offer": "mug",
        "treatment": "mug-banner",
        "channel": "web",
        "at_ms": NOON_MS - DAY,
        "until_ms": NOON_MS - DAY + 30 * MINUTE,
        "logged": True,
        "presented": bool(over.get("outcomes")),
    }
    return LedgerEntry(**{**values, **over})


CATALOGUE: dict[str, Any] = {
    "campaigns": [
        {
            "id": "spring",
            "programs": [
                {
                    "id": "gifts",
                    "cells": [
                        {"id": "all", "share": 90, "offers": ["mug", "pen"]},
                        {"id": "control", "share": 10, "holdout": True},
                    ],
                }
            ],
        }
    ],
    "offers": [
        {
            "id": "mug",
            "name": "A mug",
            "value": 10,
            "always": True,
            "treatments": [{"id": "mug-banner", "channel": "web", "placement": "hero", "content": {"title": "A mug"}}],
        },
        {
            "id": "pen",
            "name": "A pen",
            "value": 5,
            "always": True,
            "treatments": [{"id": "pen-banner", "channel": "web", "placement": "hero", "content": {"title": "A pen"}}],
        },
    ],
}


def live(**sections: Any) -> LivePolicy:
    """The shop's policy with two offers, checked and compiled as a published one is."""
    text = yaml.safe_dump({**SHOP, **CATALOGUE, **sections}, sort_keys=False)
    checked = check({"policy.yaml": text})
    errors = [str(each) for each in checked.findings if each.severity == "error"]
    assert not errors, errors
    return LivePolicy.compiled(checked)


def changed(offer: str, **over: Any) -> list[dict[str, Any]]:
    """The catalogue's offers with one of them changed."""
    return [{**each, **over} if each["id"] == offer else each for each in CATALOGUE["offers"]]
