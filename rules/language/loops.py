"""Macros as Python: comprehensions over a counted range, and the binding of a name.

Each function emits one kind of macro for an `Emitter`; what is common to them – the range, the variables, the
place within other macros – is settled in `macro` before.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from rules.language import python as py
from rules.language.runtime import containers, logic
from rules.language.tree import Bind, Macro

if TYPE_CHECKING:
    from rules.language.generate import Emitter


def macro(emitter: Emitter, node: Macro) -> ast.expr:
    """The macro as a Python expression."""
    range_ = emitter.counted_range(node.range, pairs=len(node.variables) == 2)
    names = [emitter.fresh() for _ in node.variables]
    loaded = {variable: py.load(name) for variable, name in zip(node.variables, names, strict=True)}
    with emitter.loop(loaded):
        return _KINDS[node.kind](emitter, node, names, py.each(names, range_))


def bind(emitter: Emitter, node: Bind) -> ast.expr:
    """`(lambda name: body)(value)`; carefully, the value is worked out where it is used."""
    name = emitter.fresh()
    value = emitter.later([], node.value) if emitter.careful else emitter.expression(node.value)
    bound = py.call(py.load(name)) if emitter.careful else py.load(name)
    with emitter.scope({node.name: bound}):
        body = emitter.later([name], node.body)
    return py.call(emitter.helper(logic.bound), value, body) if emitter.careful else py.call(body, value)


def _all(emitter: Emitter, node: Macro, names: list[str], members: ast.comprehension) -> ast.expr:
    return _quantified(emitter, node, names, members, all, logic.all_of)


def _exists(emitter: Emitter, node: Macro, names: list[str], members: ast.comprehension) -> ast.expr:
    return _quantified(emitter, node, names, members, any, logic.any_of)


def _quantified(
    emitter: Emitter,
    node: Macro,
    names: list[str],
    members: ast.comprehension,
    fast: Callable[..., bool],
    careful: Callable[..., bool],
) -> ast.expr:
    test = _test(emitter, node) or emitter.constant(True)
    if not emitter.careful:
        return py.call(emitter.helper(fast), py.generator(test, members))
    items = py.generator(py.tuple_of([py.load(name) for name in names]), members)
    return py.call(emitter.helper(careful), items, py.function_of(names, test))


def _exists_one(emitter: Emitter, node: Macro, _names: list[str], members: ast.comprehension) -> ast.expr:
    test = _test(emitter, node) or emitter.constant(True)
    return py.call(emitter.helper(logic.exactly_one), py.generator(test, members))


def _list(emitter: Emitter, node: Macro, _names: list[str], members: ast.comprehension) -> ast.expr:
    return py.list_from(emitter.expression(node.results[0]), py.only(members, _test(emitter, node)))


def _map(emitter: Emitter, node: Macro, _names: list[str], members: ast.comprehension) -> ast.expr:
    results = [emitter.expression(result) for result in node.results]
    function = containers.make_map if len(results) == 2 else containers.merged
    result = py.tuple_of(results) if len(results) == 2 else results[0]
    return py.call(emitter.helper(function), py.generator(result, py.only(members, _test(emitter, node))))


def _test(emitter: Emitter, node: Macro) -> ast.expr | None:
    return emitter.truth(node.test) if node.test is not None else None


_KINDS: dict[str, Callable[[Emitter, Macro, list[str], ast.comprehension], ast.expr]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "list": _list,
    "map": _map,
}
