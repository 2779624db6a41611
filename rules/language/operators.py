"""Operators and functions on operands of known type: the plain Python that has CEL's meaning.

Each builder gets the node, its emitted arguments and the emitter; it answers None where the types are not
known well enough, and the runtime's function is called instead.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from rules.language import python as py
from rules.language.intervals import fits
from rules.language.runtime import containers, numbers, texts, times
from rules.language.runtime.values import INT_MAX, INT_MIN, Failure
from rules.language.tree import Call, ListOf, Literal

if TYPE_CHECKING:
    from rules.language.generate import Emitter

Builder: TypeAlias = "Callable[[Call, list[ast.expr], Emitter], ast.expr | None]"

_NUMBERS = frozenset(("int", "uint", "double"))
_WHOLE = frozenset(("int", "uint"))
_EXACT = frozenset(("bool", "int", "uint", "string", "bytes", "timestamp", "duration"))
"""Types whose Python values compare as CEL's do, also inside lists; a double may be NaN."""
SCALARS = _EXACT | {"double"}
_LENGTHS = ("string", "bytes", "list<", "map<")


def exact(type_: str) -> bool:
    """Whether Python's `==` on values of this type is CEL's, and takes no longer than they are.

    Lists in lists are not among them: one may hold another many times over.
    """
    return type_.removeprefix("list<").removeprefix("map<string, ").removesuffix(">") in _EXACT


def _types(node: Call) -> list[str]:
    return [argument.type for argument in node.arguments]


def _comparing(operator: ast.cmpop) -> Builder:
    def build(node: Call, arguments: list[ast.expr], _: Emitter) -> ast.expr | None:
        left, right = _types(node)
        same = left == right and left in SCALARS
        return py.compare(arguments[0], operator, arguments[1]) if same or {left, right} <= _WHOLE else None

    return build


def _equating(operator: ast.cmpop, identity: ast.cmpop) -> Builder:
    plain = _comparing(operator)

    def build(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
        left, right = _types(node)
        if right == "null" and not isinstance(arguments[0], ast.Constant):
            return py.compare(arguments[0], identity, arguments[1])
        if left == right and exact(left):
            return py.compare(arguments[0], operator, arguments[1])
        return plain(node, arguments, emitter)

    return build


def _in(node: Call, arguments: list[ast.expr], _: Emitter) -> ast.expr | None:
    value, container = node.arguments
    if isinstance(container, ListOf) and _all_literals(container, value.type):
        made = py.set_of if len(container.items) > 3 else py.tuple_of
        members = arguments[1].elts if isinstance(arguments[1], ast.List) else []
        return py.compare(arguments[0], ast.In(), made(members))
    if container.type == f"list<{value.type}>" and value.type in _EXACT:
        return py.compare(arguments[0], ast.In(), arguments[1])
    if container.type.startswith(f"map<{value.type}, ") and value.type in _EXACT:
        return py.compare(arguments[0], ast.In(), arguments[1])
    return None


def _all_literals(items: ListOf, type_: str) -> bool:
    written = all(isinstance(item, Literal) and item.type == type_ for item in items.items)
    return written and type_ in SCALARS and bool(items.items) and not items.optional


def _arithmetic(operator: ast.operator, on_times: dict[tuple[str, str], Builder]) -> Builder:
    def build(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
        left, right = _types(node)
        if left != right or left not in _NUMBERS:
            special = on_times.get((left, right))
            return special(node, arguments, emitter) if special else None
        result = py.binary(arguments[0], operator, arguments[1])
        if left == "uint":
            return py.call(emitter.helper(numbers.to_uint64), result)
        return result if left == "double" or fits(node) else _guarded(result, emitter)

    return build


def _guarded(result: ast.expr, emitter: Emitter) -> ast.expr:
    """The int result if it fits into 64 bits: a comparison in place where Python allows an assignment."""
    if not emitter.may_assign:
        return py.call(emitter.helper(numbers.to_int64), result)
    name = emitter.fresh()
    low, high = emitter.constant(INT_MIN), emitter.constant(INT_MAX)
    fitting = py.within(low, py.assigned(name, result), high)
    return py.choice(fitting, py.load(name), py.call(emitter.helper(numbers.overflow)))


def _helper(function: Callable[..., object], *, swap: bool = False) -> Builder:
    def build(_: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr:
        return py.call(emitter.helper(function), *(reversed(arguments) if swap else arguments))

    return build


def _short_span(operator: ast.operator) -> Builder:
    def build(_: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr:
        return py.call(emitter.helper(times.short_span), py.binary(arguments[0], operator, arguments[1]))

    return build


def _divide(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
    left, right = _types(node)
    if left != right or left not in _NUMBERS:
        return None
    if left != "double":
        return py.call(emitter.helper(numbers.divide_int), *arguments)
    divisor = node.arguments[1]
    if isinstance(divisor, Literal) and divisor.value:
        return py.binary(arguments[0], ast.Div(), arguments[1])
    return py.call(emitter.helper(numbers.divide_double), *arguments)


def _negate(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
    if node.arguments[0].type == "double":
        return py.minus(arguments[0])
    if node.arguments[0].type != "int":
        return None
    return py.minus(arguments[0]) if fits(node) else _guarded(py.minus(arguments[0]), emitter)


def _index(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
    container, key = _types(node)
    if container.startswith("list<") and key == "int":
        return py.call(emitter.helper(containers.item_at), *arguments)
    if container.startswith(f"map<{key}, ") and key in _EXACT:
        return py.item(arguments[0], arguments[1])
    return None


def _size(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
    return py.call(emitter.helper(len), arguments[0]) if node.arguments[0].type.startswith(_LENGTHS) else None


def _on_strings(build: Builder) -> Builder:
    def checked(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
        return build(node, arguments, emitter) if set(_types(node)) == {"string"} else None

    return checked


def _matches(node: Call, arguments: list[ast.expr], emitter: Emitter) -> ast.expr | None:
    """A pattern written in the expression is compiled once, with it."""
    pattern = node.arguments[1]
    if not isinstance(pattern, Literal):
        return None
    try:
        compiled = texts.compiled(str(pattern.value))
    except Failure:
        return None  # the runtime's function will say so
    return py.call(emitter.helper(texts.found), emitter.constant(compiled), arguments[0])


def _same(node: Call, arguments: list[ast.expr], _: Emitter) -> ast.expr | None:
    """A conversion to the type that the value has."""
    return arguments[0] if node.arguments[0].type == node.function else None


_DURATIONS, _TIMES = ("duration", "duration"), ("timestamp", "timestamp")
_LATER, _EARLIER = ("timestamp", "duration"), ("duration", "timestamp")
_JOINED = {(type_, type_): _helper(containers.concatenated) for type_ in ("string", "bytes")}

BUILDERS: dict[str, Builder] = {
    "_<_": _comparing(ast.Lt()),
    "_<=_": _comparing(ast.LtE()),
    "_>_": _comparing(ast.Gt()),
    "_>=_": _comparing(ast.GtE()),
    "_==_": _equating(ast.Eq(), ast.Is()),
    "_!=_": _equating(ast.NotEq(), ast.IsNot()),
    "@in": _in,
    "_+_": _arithmetic(
        ast.Add(),
        _JOINED
        | {
            _DURATIONS: _short_span(ast.Add()),
            _LATER: _helper(times.time_plus),
            _EARLIER: _helper(times.time_plus, swap=True),
        },
    ),
    "_-_": _arithmetic(
        ast.Sub(),
        {
            _DURATIONS: _short_span(ast.Sub()),
            _TIMES: _helper(times.time_between),
            _LATER: _helper(times.time_minus),
        },
    ),
    "_*_": _arithmetic(ast.Mult(), {}),
    "_/_": _divide,
    "-_": _negate,
    "_[_]": _index,
    "size": _size,
    "contains": _on_strings(lambda _node, sides, _: py.compare(sides[1], ast.In(), sides[0])),
    "startsWith": _on_strings(lambda _node, sides, _: py.method(sides[0], "startswith", sides[1])),
    "endsWith": _on_strings(lambda _node, sides, _: py.method(sides[0], "endswith", sides[1])),
    "matches": _on_strings(_matches),
    "dyn": lambda _node, arguments, _: arguments[0],
    **dict.fromkeys(("int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration"), _same),
}
