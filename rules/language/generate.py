"""From the tree to Python syntax nodes.

One condition has two forms. The **fast** form uses Python's own `and`, `or`, `all` and `any`; it is right
whenever nothing fails. The **careful** form, asked only if something did, absorbs errors where CEL does (`1/0
== 1 || true` is true). Both come from this one emitter. Leaves compiling and running to `program` and
`matcher`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from rules.language import python as py
from rules.language.functions import RUNTIME, SPECIAL
from rules.language.operators import BUILDERS
from rules.language.runtime import containers, conversions, logic, times
from rules.language.runtime.values import NAMED_TYPES, Failure, UInt
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
    walk,
)

FACTS, BUDGET = "f", "b"
"""The parameter that holds the facts, and the local variable that counts the steps of nested macros."""

NOTHING = object()
_FOLDED = frozenset(("timestamp", "duration", "int", "uint", "double", "string", "_+_", "_-_", "_*_", "-_"))
_CONVERTED: dict[str, Callable[..., Any]] = {"uint": UInt, "timestamp": times.utc}
_PERMANENT = (bool, int, float, str, bytes, datetime, timedelta)


def not_generated(node: Node) -> str | None:
    """What in the tree cannot be generated, if anything."""
    for part in walk(node):
        if isinstance(part, Alien):
            return part.what
        if isinstance(part, Call) and part.function not in RUNTIME:
            return f"the function {part.function}"
        if isinstance(part, MapOf) and len({key.type == "bool" for key, _ in part.entries}) > 1:
            return "a map with both Boolean and other keys"  # to Python, True and 1 are one key
    return None


class Emitter:
    """Emits nodes for one function. `read` says how a declared name is read there."""

    def __init__(
        self,
        names: py.Globals,
        *,
        careful: bool = False,
        read: Callable[[Name], ast.expr] | None = None,
        known: Callable[[Known], ast.expr] | None = None,
    ) -> None:
        self._globals = names
        self._careful = careful
        self._read = read or self._read_fact
        self._is_known = known or self._known_fact
        self._locals: dict[str, ast.expr] = {}
        self._inside = 0
        self._fresh = 0
        self.shared: dict[Node, str] = {}
        self.may_assign = True
        self.uses_budget = False

    # -- for the builders of `operators`

    def helper(self, function: Callable[..., Any]) -> ast.expr:
        return self._globals.helper(function)

    def constant(self, value: object) -> ast.expr:
        return self._globals.constant(value)

    def fresh(self) -> str:
        """A local name that nothing else uses."""
        self._fresh += 1
        return f"x{self._fresh}"

    # -- nodes

    def expression(self, node: Node) -> ast.expr:
        """The node as a Python expression."""
        kept = self.shared.get(node) if not self._inside else None
        if kept is None:
            return self._emit(node)
        # worked out at the first use; the name is set to None before that
        return py.choice(
            py.compare(py.load(kept), ast.IsNot(), self.constant(None)),
            py.load(kept),
            py.assigned(kept, self._emit(node)),
        )

    def truth(self, node: Node) -> ast.expr:
        """The node as an operand of a logical operator, which must be true or false."""
        if node.type == "bool":
            return self.expression(node)
        return py.call(self.helper(conversions.truth), self.expression(node))

    def _emit(self, node: Node) -> ast.expr:
        emitted: ast.expr = _EMITTERS[type(node)](self, node)
        return emitted

    def _literal(self, node: Literal) -> ast.expr:
        return self.constant(node.value)

    def _type_literal(self, node: TypeLiteral) -> ast.expr:
        return self.constant(NAMED_TYPES[node.name])

    def _name(self, node: Name) -> ast.expr:
        return self._locals[node.name] if node.local else self._read(node)

    def _read_fact(self, node: Name) -> ast.expr:
        name = self.constant(node.name)
        if self._careful:
            fact = py.call(self.helper(logic.read), py.load(FACTS), name)
        else:
            fact = py.item(py.load(FACTS), name)
        return self.fact(node.type, fact)

    def fact(self, type_: str, value: ast.expr) -> ast.expr:
        """A fact's value as a value of the declared type: a uint comes as an int, a timestamp in any zone."""
        function = _CONVERTED.get(type_)
        return py.call(self.helper(function), value) if function else value

    def _known(self, node: Known) -> ast.expr:
        return self._is_known(node)

    def _known_fact(self, node: Known) -> ast.expr:
        return py.compare(self.constant(node.name), ast.In(), py.load(FACTS))

    def _select(self, node: Select) -> ast.expr:
        operand, field = self.expression(node.operand), self.constant(node.field)
        if node.operand.type.startswith("map<string, "):
            return py.compare(field, ast.In(), operand) if node.test else py.item(operand, field)
        function = containers.has_field if node.test else containers.select
        return py.call(self.helper(function), operand, field)

    def _list(self, node: ListOf) -> ast.expr:
        items = [self.expression(item) for item in node.items]
        if not node.optional:
            return py.list_of(items)
        marked = [py.tuple_of([self.constant(at in node.optional), item]) for at, item in enumerate(items)]
        return py.call(self.helper(containers.present_items), py.list_of(marked))

    def _map(self, node: MapOf) -> ast.expr:
        entries = [(self.expression(key), self.expression(value)) for key, value in node.entries]
        if not node.optional and _distinct(node):
            return py.dict_of(entries)
        flags = [[self.constant(at in node.optional)] if node.optional else [] for at in range(len(entries))]
        listed = py.list_of(
            [py.tuple_of([*flag, *entry]) for flag, entry in zip(flags, entries, strict=True)]
        )
        function = containers.present_entries if node.optional else containers.make_map
        return py.call(self.helper(function), listed)

    # -- calls

    def _call(self, node: Call) -> ast.expr:
        if node.function in SPECIAL:
            return self._special(node)
        value = constant(node)
        if value is not NOTHING:
            return self.constant(value)
        arguments = [self.expression(argument) for argument in node.arguments]
        if node.function == "!_" and node.arguments[0].type == "bool":
            return py.negated(arguments[0])
        builder = BUILDERS.get(node.function)
        built = builder(node, arguments, self) if builder and len(arguments) <= 2 else None
        return built or py.call(self.helper(RUNTIME[node.function].run), *arguments)

    def _special(self, node: Call) -> ast.expr:
        if node.function == "_?_:_":
            test, then, other = node.arguments
            return py.choice(self.truth(test), self.expression(then), self.expression(other))
        if node.function in ("_&&_", "_||_"):
            return self._logical(node)
        function = logic.or_value if node.function == "orValue" else logic.or_optional
        optional, other = node.arguments
        return py.call(self.helper(function), self.expression(optional), self._later([], other))

    def _logical(self, node: Call) -> ast.expr:
        conjunction = node.function == "_&&_"
        sides = operands(node, node.function)
        if not self._careful:
            return (py.every if conjunction else py.some)([self.truth(side) for side in sides])
        function = logic.both if conjunction else logic.either
        return py.call(self.helper(function), *(self._later([], side) for side in sides))

    def _later(self, parameters: Sequence[str], body: Node) -> ast.expr:
        """`lambda parameters: body`."""
        with_body = self._nested(lambda: self.expression(body), may_assign=self.may_assign)
        return py.function_of(parameters, with_body)

    # -- macros

    def _macro(self, node: Macro) -> ast.expr:
        range_ = self._range(node)
        names = [self.fresh() for _ in node.variables]
        outside = self._locals
        self._locals = outside | {var: py.load(name) for var, name in zip(node.variables, names, strict=True)}
        made = self._nested(lambda: _MACROS[node.kind](self, node, names, range_), may_assign=self.may_assign)
        self._locals = outside
        return made

    def _range(self, node: Macro) -> ast.expr:
        emitted = self._nested(lambda: self.expression(node.range), may_assign=False)
        type_ = node.range.type
        if self._inside:
            self.uses_budget = True
            emitted = py.call(self.helper(logic.spend), py.load(BUDGET), emitted)
        if len(node.variables) == 2:
            return py.call(self.helper(containers.pairs), emitted)
        known = type_.startswith(("list<", "map<")) or self._inside
        return emitted if known else py.call(self.helper(containers.members), emitted)

    def _nested(self, emit: Callable[[], ast.expr], *, may_assign: bool) -> ast.expr:
        before = self.may_assign
        self._inside, self.may_assign = self._inside + 1, may_assign
        emitted = emit()
        self._inside, self.may_assign = self._inside - 1, before
        return emitted

    def _all(self, node: Macro, names: list[str], range_: ast.expr) -> ast.expr:
        return self._quantified(node, names, range_, all, logic.all_of)

    def _exists(self, node: Macro, names: list[str], range_: ast.expr) -> ast.expr:
        return self._quantified(node, names, range_, any, logic.any_of)

    def _quantified(
        self,
        node: Macro,
        names: list[str],
        range_: ast.expr,
        fast: Callable[..., bool],
        careful: Callable[..., bool],
    ) -> ast.expr:
        test = self.truth(node.test) if node.test is not None else self.constant(True)
        if not self._careful:
            return py.call(self.helper(fast), py.generator(test, py.each(names, range_)))
        items = py.generator(py.tuple_of([py.load(name) for name in names]), py.each(names, range_))
        return py.call(self.helper(careful), items, py.function_of(names, test))

    def _exists_one(self, node: Macro, names: list[str], range_: ast.expr) -> ast.expr:
        test = self.expression(node.test) if node.test is not None else self.constant(True)
        return py.call(self.helper(logic.exactly_one), py.generator(test, py.each(names, range_)))

    def _collected(self, node: Macro, names: list[str], range_: ast.expr) -> ast.expr:
        test = self.truth(node.test) if node.test is not None else None
        return py.list_from(self.expression(node.results[0]), py.each(names, range_, test))

    def _mapped(self, node: Macro, names: list[str], range_: ast.expr) -> ast.expr:
        test = self.truth(node.test) if node.test is not None else None
        results = [self.expression(result) for result in node.results]
        function = containers.make_map if len(results) == 2 else containers.merged
        result = py.tuple_of(results) if len(results) == 2 else results[0]
        return py.call(self.helper(function), py.generator(result, py.each(names, range_, test)))

    def _bind(self, node: Bind) -> ast.expr:
        name = self.fresh()
        value = self._later([], node.value) if self._careful else self.expression(node.value)
        outside = self._locals
        self._locals = outside | {node.name: py.call(py.load(name)) if self._careful else py.load(name)}
        body = self._later([name], node.body)
        self._locals = outside
        return py.call(self.helper(logic.bound), value, body) if self._careful else py.call(body, value)


def constant(node: Node) -> object:
    """The node's value if it is written in the expression or follows from what is; `NOTHING` if not."""
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Call) or node.function not in _FOLDED:
        return NOTHING
    arguments = [constant(argument) for argument in node.arguments]
    if any(argument is NOTHING for argument in arguments):
        return NOTHING
    try:
        value = RUNTIME[node.function].run(*arguments)
    except Failure:
        return NOTHING  # an error when it is evaluated, not before
    return value if isinstance(value, _PERMANENT) else NOTHING


def _distinct(node: MapOf) -> bool:
    """Whether the map's keys are written in it, of a type that keys have, and no two alike."""
    keys = [key.value for key, _ in node.entries if isinstance(key, Literal)]
    typed = all(key.type in ("bool", "int", "uint", "string") for key, _ in node.entries)
    return typed and len(set(keys)) == len(node.entries)


_EMITTERS: dict[type, Callable[[Emitter, Any], ast.expr]] = {
    Literal: Emitter._literal,
    TypeLiteral: Emitter._type_literal,
    Name: Emitter._name,
    Known: Emitter._known,
    Select: Emitter._select,
    ListOf: Emitter._list,
    MapOf: Emitter._map,
    Call: Emitter._call,
    Macro: Emitter._macro,
    Bind: Emitter._bind,
}
_MACROS: dict[str, Callable[[Emitter, Macro, list[str], ast.expr], ast.expr]] = {
    "all": Emitter._all,
    "exists": Emitter._exists,
    "exists_one": Emitter._exists_one,
    "list": Emitter._collected,
    "map": Emitter._mapped,
}
