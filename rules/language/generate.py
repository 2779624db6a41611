"""From the tree to Python syntax nodes.

An expression has two forms. The **fast** form uses Python's own `and`, `or`, `all` and `any`; it is right
whenever nothing fails. The **careful** form, asked only if something did, absorbs errors where CEL does: a
failing side does not matter where the other side decides. Both come from this one emitter. Leaves macros to
`loops`, operators on known types to `operators`, compiling and running to `program` and `ruleset`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rules.language import loops
from rules.language import python as py
from rules.language.constants import NOTHING, constant
from rules.language.functions import RUNTIME, SPECIAL, WITHIN
from rules.language.operators import BUILDERS
from rules.language.runtime import containers, conversions, effort, logic, times
from rules.language.runtime.values import NAMED_TYPES, UInt
from rules.language.tree import (
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

FACTS, BUDGET = "f", "b"
"""The parameter that holds the facts, and the local variable that counts what an evaluation may still take."""

_SCANNED = {"@in": 1, "startsWith": 1, "endsWith": 1} | dict.fromkeys(
    ("contains", "matches", "indexOf", "lastIndexOf", "replace", "split", "join", "trim", "reverse", "format",
     "lowerAscii", "upperAscii", "bytes", "string", "int", "uint", "double", "bool", "timestamp", "duration",
     "strings.quote", "base64.encode", "base64.decode", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), 0
)  # fmt: skip
"""Functions whose time grows with one of their arguments, and which one."""
_MADE = frozenset(
    ("_+_", "substring", "replace", "split", "join", "trim", "reverse", "format", "lowerAscii", "upperAscii", "bytes",
     "string", "strings.quote", "base64.encode", "base64.decode")
)  # fmt: skip
"""Functions that make a text or list."""
_SMALL = ("bool", "int", "uint", "double", "timestamp", "duration", "null")
_CONVERTED: dict[str, Callable[..., Any]] = {"uint": UInt, "timestamp": times.utc}


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
        self.careful = careful
        self._read = read
        self._is_known = known
        self._locals: dict[str, ast.expr] = {}
        self._inside = self._loops = 0
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
        if node.local:
            return self._locals[node.name]
        return self._read(node) if self._read else self._read_fact(node)

    def _read_fact(self, node: Name) -> ast.expr:
        name, facts = self.constant(node.name), py.load(FACTS)
        fact = py.call(self.helper(logic.read), facts, name) if self.careful else py.item(facts, name)
        return self.fact(node.type, fact)

    def fact(self, type_: str, value: ast.expr) -> ast.expr:
        """A fact's value as a value of the declared type: a uint comes as an int, a timestamp in any zone."""
        function = _CONVERTED.get(type_)
        return py.call(self.helper(function), value) if function else value

    def _known(self, node: Known) -> ast.expr:
        return self._is_known(node) if self._is_known else self._known_fact(node)

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
        listed = py.list_of([py.tuple_of([*flag, *entry]) for flag, entry in zip(flags, entries, strict=True)])
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
        if self._loops and node.function in _SCANNED:
            self._count_scan(node, arguments)
        if node.function == "!_" and node.arguments[0].type == "bool":
            return py.negated(arguments[0])
        builder = BUILDERS.get(node.function)
        built = builder(node, arguments, self) if builder and len(arguments) <= 2 else None
        result = built or self._at_runtime(node.function, arguments)
        if self._loops and node.function in _MADE and node.type not in _SMALL:
            result = py.call(self.helper(effort.scan), self.budget(), result)
        return result

    def _at_runtime(self, function: str, arguments: list[ast.expr]) -> ast.expr:
        if function in WITHIN:
            return py.call(self.helper(WITHIN[function]), self.budget(), *arguments)
        return py.call(self.helper(RUNTIME[function].run), *arguments)

    def _count_scan(self, node: Call, arguments: list[ast.expr]) -> None:
        """In a macro, looking through a long text or list counts as steps, too."""
        at = _SCANNED[node.function]
        if not isinstance(node.arguments[at], (ListOf, Literal)) and node.arguments[at].type not in _SMALL:
            arguments[at] = py.call(self.helper(effort.scan), self.budget(), arguments[at])

    def _special(self, node: Call) -> ast.expr:
        if node.function == "_?_:_":
            test, then, other = node.arguments
            return py.choice(self.truth(test), self.expression(then), self.expression(other))
        if node.function in ("_&&_", "_||_"):
            return self._logical(node)
        function = logic.or_value if node.function == "orValue" else logic.or_optional
        optional, other = node.arguments
        return py.call(self.helper(function), self.expression(optional), self.later([], other))

    def _logical(self, node: Call) -> ast.expr:
        conjunction = node.function == "_&&_"
        sides = operands(node, node.function)
        if not self.careful:
            return (py.every if conjunction else py.some)([self.truth(side) for side in sides])
        function = logic.both if conjunction else logic.either
        return py.call(self.helper(function), *(self.later([], side) for side in sides))

    # -- places where other rules hold

    def later(self, parameters: Sequence[str], body: Node) -> ast.expr:
        """`lambda parameters: body`."""
        with self._inner():
            return py.function_of(parameters, self.expression(body))

    def counted_range(self, node: Node, *, pairs: bool = False) -> ast.expr:
        """The range of a macro; Python allows no assignment in it."""
        outer, self.may_assign = self.may_assign, False
        with self._inner():
            emitted = self.expression(node)
        self.may_assign = outer
        return py.call(self.helper(logic.spend_pairs if pairs else logic.spend), self.budget(), emitted)

    def budget(self) -> ast.expr:
        """What is left for this evaluation."""
        self.uses_budget = True
        return py.load(BUDGET)

    @contextmanager
    def loop(self, variables: Mapping[str, ast.expr]) -> Iterator[None]:
        """The body of a macro with these variables."""
        self._loops += 1
        with self._inner(), self.scope(variables):
            yield
        self._loops -= 1

    @contextmanager
    def scope(self, variables: Mapping[str, ast.expr]) -> Iterator[None]:
        """Where these macro variables are in sight."""
        outer, self._locals = self._locals, {**self._locals, **variables}
        yield
        self._locals = outer

    @contextmanager
    def _inner(self) -> Iterator[None]:
        """In a Python scope of its own, which can keep no value for the outside."""
        self._inside += 1
        yield
        self._inside -= 1


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
    Macro: loops.macro,
    Bind: loops.bind,
}
