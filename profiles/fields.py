"""Typed fields: what an interaction, an attribute or a request's context may hold.

Values arrive as JSON. `checked` returns them as they are kept, or raises BadFields with the one thing that is
wrong; `fact` turns a kept value into what conditions see.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from profiles.errors import BadFields
from schemas.observed import FieldType

LONGEST_TEXT = 4_000
LONGEST_LIST = 1_000
INT64 = 2**63


def nearest(name: str, known: Mapping[str, Any]) -> str | None:
    match = get_close_matches(name, list(known), n=1)
    return f"did you mean `{match[0]}`?" if match else None


def checked(data: Mapping[str, Any], types: Mapping[str, FieldType], what: str) -> dict[str, Any]:
    """The data with every field of its declared type. Raises BadFields; `what` names the holder."""
    kept = {}
    for name, value in data.items():
        declared = types.get(name)
        if declared is None:
            raise BadFields(f"{what} has no field `{name}`", nearest(name, types))
        if value is not None:
            kept[name] = _value(name, value, declared)
    missing = [name for name, declared in types.items() if declared.required and name not in kept]
    if missing:
        raise BadFields(f"{what} needs the field `{missing[0]}`")
    return kept


def _value(name: str, value: Any, declared: FieldType) -> Any:
    kept = _converted(value, declared.type)
    if kept is None:
        raise BadFields(f"`{name}` must be {_article(declared.type)}, not {_shown(value)}")
    if declared.one_of and kept not in declared.one_of:
        raise BadFields(f"`{name}` must be one of {', '.join(declared.one_of)}, not {_shown(value)}")
    if declared.min is not None and kept < declared.min:
        raise BadFields(f"`{name}` must be at least {declared.min:g}, not {_shown(value)}")
    if declared.max is not None and kept > declared.max:
        raise BadFields(f"`{name}` must be at most {declared.max:g}, not {_shown(value)}")
    return kept


def _converted(value: Any, type_name: str) -> Any:
    """The value as it is kept, or None if it is of another type."""
    match type_name:
        case "string":
            return value if isinstance(value, str) and len(value) <= LONGEST_TEXT else None
        case "bool":
            return value if isinstance(value, bool) else None
        case "int":
            whole = isinstance(value, int) and not isinstance(value, bool) and -INT64 <= value < INT64
            return value if whole else None
        case "double":
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            return float(value) if number else None
        case "timestamp":
            return _timestamp(value)
        case _:  # list<string>
            texts = isinstance(value, list) and len(value) <= LONGEST_LIST
            return value if texts and all(isinstance(each, str) for each in value) else None


def _timestamp(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:  # a year that is none in UTC
        return None


def _article(type_name: str) -> str:
    return {
        "string": f"a text of at most {LONGEST_TEXT} characters",
        "bool": "true or false",
        "int": "a whole number of 64 bits",
        "double": "a finite number",
        "timestamp": "a time with a zone, such as 2026-03-01T09:30:00Z",
        "list<string>": f"a list of at most {LONGEST_LIST} texts",
    }[type_name]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def fact(value: Any, type_name: str) -> Any:
    """A kept value as conditions see it; None for one that was kept when it was of another type."""
    if value is None or _converted(value, type_name) is None:
        return None
    match type_name:
        case "timestamp":
            return datetime.fromisoformat(value)
        case "double":
            return float(value)
        case _:
            return value
