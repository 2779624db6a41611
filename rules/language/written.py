"""A tree written as CEL again, to show a part of a condition to its author.

Promises text that parses to the same tree, but for the order in which a chain of `&&` or `||` is bracketed;
spaces and quotes may differ from what was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from rules.language.runtime.times import duration_text, timestamp_text
from rules.language.runtime.values import Optional, TypeName, UInt
from rules.language.tree import (
    Alien,
    Bind,
    Call,
    Known,
    ListOf,
    Literal,
    Macro,
    MapOf,
    Name,
    Node,
    Select,
    TypeLiteral,
    operands,
)

_LEVELS = {"_?_:_": 1, "_||_": 2, "_&&_": 3, "@in": 4, "_+_": 5, "_-_": 5, "_*_": 6, "_/_": 6, "_%_": 6}
_LEVELS |= dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), 4)
_UNARY, _PRIMARY = 7, 8
_SHOWN_MAX, _SHOWN_DEPTH, _SHOWN_LENGTH = 20, 4, 200
_MACROS = {"exists_one": ("exists_one", "existsOne"), "list": ("map", "transformList")}


def text_of(node: Node) -> str:
    """The node as CEL."""
    return _WRITERS[type(node)](node)


def shown(value: object, depth: int = 0) -> str:
    """A value as an author would write it; what is long or deep is cut."""
    if isinstance(value, UInt):
        return f"{int(value)}u"
    if isinstance(value, (bool, str, type(None))):
        return _cut(json.dumps(value, ensure_ascii=False))
    if isinstance(value, bytes):
        return _cut(f"b{str(value)[1:]}")
    if depth >= _SHOWN_DEPTH and isinstance(value, (list, dict, Optional)):
        return "…"
    if isinstance(value, list):
        return f"[{_listed([shown(item, depth + 1) for item in value[:_SHOWN_MAX]], len(value))}]"
    if isinstance(value, dict):
        entries = islice(value.items(), _SHOWN_MAX)
        texts = [f"{shown(key, depth + 1)}: {shown(item, depth + 1)}" for key, item in entries]
        return f"{{{_listed(texts, len(value))}}}"
    if isinstance(value, Optional):
        return f"optional.of({shown(value.value, depth + 1)})" if value.present else "optional.none()"
    return _moment(value)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"


def _listed(texts: list[str], count: int) -> str:
    return ", ".join([*texts, *(["…"] if count > len(texts) else [])])


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return timestamp_text(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return value.name if isinstance(value, TypeName) else str(value)


def _at(level: int, node: Node) -> str:
    """The node's text, in brackets if it binds less than the place needs."""
    own = _PRIMARY
    if isinstance(node, Call):
        own = _UNARY if node.function in ("!_", "-_") else _LEVELS.get(node.function, _PRIMARY)
    return text_of(node) if own >= level else f"({text_of(node)})"


def _call(node: Call) -> str:
    function, arguments = node.function, node.arguments
    if function in ("!_", "-_"):
        operand = _at(_UNARY, arguments[0])
        apart = operand[0] in "!-" or isinstance(arguments[0], Literal)  # `-1` would be a number, `!!a` nothing
        return f"{function[0]}({operand})" if apart else function[0] + operand
    if function == "_?_:_":
        test, then, other = arguments
        return f"{_at(2, test)} ? {_at(2, then)} : {_at(1, other)}"
    if function in ("_&&_", "_||_"):
        sides = operands(node, function)  # the parser balances a chain; it is shown as one
        return f" {function.strip('_')} ".join(_at(_LEVELS[function] + 1, side) for side in sides)
    if function in _LEVELS:
        level = _LEVELS[function]
        return f"{_at(level, arguments[0])} {function.strip('_@')} {_at(level + 1, arguments[1])}"
    if function in ("_[_]", "_[?_]"):
        return f"{_at(_PRIMARY, arguments[0])}[{'?' if '?' in function else ''}{text_of(arguments[1])}]"
    if function == "_?._":
        return f"{_at(_PRIMARY, arguments[0])}.?{_field(str(getattr(arguments[1], 'value', '')))}"
    return _named_call(node)


def _named_call(node: Call) -> str:
    name = {"math.@max": "math.greatest", "math.@min": "math.least"}.get(node.function, node.function)
    listed = [text_of(argument) for argument in node.arguments]
    if node.receiver:
        return f"{_at(_PRIMARY, node.arguments[0])}.{name}({', '.join(listed[1:])})"
    return f"{name}({', '.join(listed)})"


def _field(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


def _literal(node: Literal) -> str:
    if isinstance(node.value, UInt):
        return f"{int(node.value)}u"
    if isinstance(node.value, bytes):
        return f"b{str(node.value)[1:]}"
    return repr(node.value) if isinstance(node.value, float) else json.dumps(node.value, ensure_ascii=False)


def _select(node: Select) -> str:
    text = f"{_at(_PRIMARY, node.operand)}.{_field(node.field)}"
    return f"has({text})" if node.test else text


def _list(node: ListOf) -> str:
    items = [("?" if at in node.optional else "") + text_of(item) for at, item in enumerate(node.items)]
    return f"[{', '.join(items)}]"


def _map(node: MapOf) -> str:
    entries = [
        f"{'?' if at in node.optional else ''}{text_of(key)}: {text_of(value)}"
        for at, (key, value) in enumerate(node.entries)
    ]
    return f"{{{', '.join(entries)}}}"


def _macro(node: Macro) -> str:
    name, parts = _macro_name(node), [*node.variables]
    results = list(node.results)
    if name == "filter":
        results = []
    parts += [text_of(node.test)] if node.test is not None else []
    # transformMap names its key by itself
    parts += [text_of(result) for result in results[-1:]]
    return f"{_at(_PRIMARY, node.range)}.{name}({', '.join(parts)})"


def _macro_name(node: Macro) -> str:
    if node.kind == "map":
        return "transformMap" if len(node.results) == 2 else "transformMapEntry"
    if node.kind == "list" and _keeps_members(node):
        return "filter"
    return _MACROS.get(node.kind, (node.kind, node.kind))[len(node.variables) - 1]


def _keeps_members(node: Macro) -> bool:
    result = node.results[0]
    member = isinstance(result, Name) and result.local and (result.name,) == node.variables
    return member and node.test is not None


def _bind(node: Bind) -> str:
    return f"cel.bind({node.name}, {text_of(node.value)}, {text_of(node.body)})"


_WRITERS: dict[type, Callable[[Any], str]] = {
    Literal: _literal,
    Name: lambda node: node.name,
    TypeLiteral: lambda node: node.name,
    Known: lambda node: f"has({node.name})",
    Select: _select,
    Call: _call,
    ListOf: _list,
    MapOf: _map,
    Macro: _macro,
    Bind: _bind,
    Alien: lambda node: node.what,
}
