"""Python syntax nodes, made shortly; and functions made of them.

Promises that what runs was built node by node: no text is ever compiled. The constants and helpers that the
nodes name are kept beside them in a `Globals`.
"""

from __future__ import annotations

import ast
import marshal
import math
import types
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

_LOAD, _STORE = ast.Load(), ast.Store()


class _Place(TypedDict):
    lineno: int
    col_offset: int


_AT: _Place = {"lineno": 1, "col_offset": 0}
_WRITABLE = (bool, int, str, bytes, type(None))


class Globals:
    """What generated code can name: helpers of the runtime and constants. Nothing else: no builtins."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"__builtins__": {}}
        self._helpers: dict[Callable[..., Any], str] = {}
        self._constants: dict[tuple[type, object], str] = {}

    def helper(self, function: Callable[..., Any]) -> ast.expr:
        """A reference to a function of the runtime."""
        if function not in self._helpers:
            self._helpers[function] = f"{function.__name__}_{len(self._helpers)}"
            self.values[self._helpers[function]] = function
        return load(self._helpers[function])

    def constant(self, value: Any) -> ast.expr:
        """A constant: written where Python can write it, kept under a name otherwise."""
        if type(value) in _WRITABLE or (type(value) is float and math.isfinite(value)):
            return ast.Constant(value, **_AT)
        key = (type(value), value)
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self.values[self._constants[key]] = value
        return load(self._constants[key])

    def function(self, definition: ast.FunctionDef) -> Callable[..., Any]:
        """The function that this definition makes."""
        module = ast.Module([definition], type_ignores=[])
        code = compile(module, f"<{definition.name}>", "exec")
        body = next(part for part in code.co_consts if isinstance(part, types.CodeType))
        return types.FunctionType(body, self.values)


def parts(function: types.FunctionType) -> tuple[bytes, dict[str, Any]]:
    """What a generated function is made of: for another process of the same Python."""
    return marshal.dumps(function.__code__), {**function.__globals__, "__builtins__": {}}


def joined(code: bytes, values: dict[str, Any]) -> Callable[..., Any]:
    return types.FunctionType(marshal.loads(code), values)  # noqa: S302 – made by `parts`


def load(name: str) -> ast.expr:
    return ast.Name(name, _LOAD, **_AT)


def store(name: str) -> ast.Name:
    return ast.Name(name, _STORE, **_AT)


def call(function: ast.expr, *arguments: ast.expr) -> ast.expr:
    return ast.Call(function, list(arguments), [], **_AT)


def method(receiver: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
    return call(ast.Attribute(receiver, name, _LOAD, **_AT), *arguments)


def item(container: ast.expr, key: ast.expr) -> ast.expr:
    return ast.Subscript(container, key, _LOAD, **_AT)


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left, [operator], [right], **_AT)


def binary(left: ast.expr, operator: ast.operator, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, operator, right, **_AT)


def negated(operand: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), operand, **_AT)


def minus(operand: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), operand, **_AT)


def every(sides: Sequence[ast.expr]) -> ast.expr:
    return ast.BoolOp(ast.And(), list(sides), **_AT) if len(sides) > 1 else sides[0]


def some(sides: Sequence[ast.expr]) -> ast.expr:
    return ast.BoolOp(ast.Or(), list(sides), **_AT) if len(sides) > 1 else sides[0]


def choice(test: ast.expr, then: ast.expr, other: ast.expr) -> ast.expr:
    return ast.IfExp(test, then, other, **_AT)


def assigned(name: str, value: ast.expr) -> ast.expr:
    """`(name := value)`."""
    return ast.NamedExpr(store(name), value, **_AT)


def within(low: ast.expr, value: ast.expr, high: ast.expr) -> ast.expr:
    """`low <= value <= high`."""
    return ast.Compare(low, [ast.LtE(), ast.LtE()], [value, high], **_AT)


def list_of(items: Sequence[ast.expr]) -> ast.expr:
    return ast.List(list(items), _LOAD, **_AT)


def tuple_of(items: Sequence[ast.expr]) -> ast.expr:
    return ast.Tuple(list(items), _LOAD, **_AT)


def set_of(items: Sequence[ast.expr]) -> ast.expr:
    return ast.Set(list(items), **_AT)


def dict_of(entries: Sequence[tuple[ast.expr, ast.expr]]) -> ast.expr:
    return ast.Dict([key for key, _ in entries], [value for _, value in entries], **_AT)


def function_of(parameters: Sequence[str], body: ast.expr) -> ast.expr:
    """`lambda parameters: body`."""
    return ast.Lambda(_arguments(parameters), body, **_AT)


def generator(result: ast.expr, clause: ast.comprehension) -> ast.expr:
    return ast.GeneratorExp(result, [clause], **_AT)


def list_from(result: ast.expr, clause: ast.comprehension) -> ast.expr:
    return ast.ListComp(result, [clause], **_AT)


def each(names: Sequence[str], range_: ast.expr) -> ast.comprehension:
    """`for names in range_`."""
    targets: list[ast.expr] = [store(name) for name in names]
    target = targets[0] if len(targets) == 1 else ast.Tuple(targets, _STORE, **_AT)
    return ast.comprehension(target, range_, [], 0)


def only(members: ast.comprehension, test: ast.expr | None) -> ast.comprehension:
    """`for names in range_ if test`."""
    tests = [test] if test is not None else []
    return ast.comprehension(members.target, members.iter, tests, 0)


def definition(name: str, parameters: Sequence[str], body: Sequence[ast.stmt]) -> ast.FunctionDef:
    return ast.FunctionDef(name, _arguments(parameters), list(body), decorator_list=[], **_AT)


def give(value: ast.expr) -> ast.stmt:
    return ast.Return(value, **_AT)


def assign(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([store(name)], value, **_AT)


def put(name: str, at: ast.expr, value: ast.expr) -> ast.stmt:
    """`name[at] = value`."""
    return ast.Assign([ast.Subscript(load(name), at, _STORE, **_AT)], value, **_AT)


def when(test: ast.expr, body: Sequence[ast.stmt]) -> ast.stmt:
    return ast.If(test, list(body), [], **_AT)


def do(value: ast.expr) -> ast.stmt:
    return ast.Expr(value, **_AT)


def attempt(body: Sequence[ast.stmt], errors: ast.expr, otherwise: Sequence[ast.stmt]) -> ast.stmt:
    """`try: body` / `except errors: otherwise`."""
    handler = ast.ExceptHandler(errors, None, list(otherwise) or [ast.Pass(**_AT)], **_AT)
    return ast.Try(list(body), [handler], [], [], **_AT)


def _arguments(parameters: Sequence[str]) -> ast.arguments:
    named = [ast.arg(name, **_AT) for name in parameters]
    return ast.arguments([], named, None, [], [], None, [])
