"""Texts of actions: `Bill of {event.amount} EUR`. A fact's name in braces stands for its value; `{{` for a brace.

Promises the places of the names, so that `check` can refuse one that nothing declares. There is nothing else: a text
that needs a condition is two rules.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

PART = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")
WRITABLE = ("string", "int", "double", "bool", "timestamp", "list<string>")
"""The types of facts that have one obvious form as text."""
LONGEST = 4_000
"""Characters of a finished text."""


@dataclass(frozen=True, slots=True)
class Part:
    """Something in a text that is more than text."""

    offset: int
    name: str
    """What stands in the braces; empty for a brace alone."""


def parts(text: str) -> Iterator[Part]:
    for found in PART.finditer(text):
        if found["stray"]:
            yield Part(found.start(), "")
        elif found["name"] is not None:
            yield Part(found.start(), found["name"].strip())


def names(text: str) -> frozenset[str]:
    return frozenset(each.name for each in parts(text))


def rendered(text: str, values: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The text with the values of its facts; one that is not known leaves nothing."""

    def instead(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0][0]
        return _written(values.get(found["name"].strip()), zone)

    return PART.sub(instead, text)[:LONGEST]


def _written(value: Any, zone: ZoneInfo) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        case list():
            return ", ".join(value)
        case _:
            return str(value)
