"""Facts written as JSON, for trying an expression.

Promises facts as `verdict` wants them: flat, keyed by qualified name, timestamps as datetimes, doubles as
floats. Their types are the declared ones, or taken from the values. `app` has its own way from stored
profiles to facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.language.runtime.times import duration_of, timestamp_of
from rules.language.runtime.values import Failure
from rules.language.vocabulary import Vocabulary

_ABSENT = object()
_PLAIN: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "uint": (int,), "string": (str,)}


class NotAFactError(ValueError):
    """A value that does not have the type its name is declared with."""


def facts_from(document: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, object]:
    """The declared names that the document has: nested as `{"customer": {"age": 3}}`, or flat."""
    found = {name: _found(document, name) for name in vocabulary.types}
    known = {name: value for name, value in found.items() if value is not _ABSENT}
    return {name: _typed(value, vocabulary.types[name], name) for name, value in known.items()}


def inferred(document: Mapping[str, Any]) -> Vocabulary:
    """A vocabulary of the document's own names; an object in it is a prefix, not a map."""
    return Vocabulary(dict(_names(document, "")))


def _found(document: Mapping[str, Any], name: str) -> object:
    if name in document:
        return document[name]
    prefix, dot, rest = name.partition(".")
    inner = document.get(prefix)
    return _found(inner, rest) if dot and isinstance(inner, dict) else _ABSENT


def _typed(value: Any, declared: str, name: str) -> object:
    if declared.startswith("list<") and isinstance(value, list):
        return [_typed(item, declared[5:-1], name) for item in value]
    if declared.startswith("map<string, ") and isinstance(value, dict):
        return {key: _typed(item, declared[12:-1], name) for key, item in value.items()}
    if declared == "double" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if declared in ("timestamp", "duration") and isinstance(value, str):
        return _moment(value, declared, name)
    if declared == "dyn" or (declared in _PLAIN and type(value) in _PLAIN[declared]):
        return value
    raise NotAFactError(f"{name} is declared as {declared}, and {value!r} is not one")


def _moment(text: str, declared: str, name: str) -> object:
    try:
        return timestamp_of(text) if declared == "timestamp" else duration_of(text)
    except Failure as failure:
        raise NotAFactError(f"{name}: {failure}") from None


def _names(document: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in document.items():
        if isinstance(value, dict):
            found += _names(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, _type_of(value)))
    return found


def _type_of(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "double", str: "string"}
    if isinstance(value, list):
        members = {_type_of(item) for item in value}
        return f"list<{members.pop() if len(members) == 1 else 'dyn'}>"
    return names.get(type(value), "dyn")
