"""From the front end's serialized form to the tree.

Promises that declared names, types and macros arrive as nodes of their own, for a checked expression as the
checker resolved them, for an unchecked one by the language's rule (the longest declared name wins). What has
no node becomes an `Alien`.
"""

from __future__ import annotations

from typing import Any

from rules.language.frontend import KNOWN, Checked
from rules.language.functions import RUNTIME
from rules.language.macros import recognised
from rules.language.runtime.values import NAMED_TYPES, UInt
from rules.language.tree import Alien, Call, Known, ListOf, Literal, MapOf, Name, Node, Select, TypeLiteral
from rules.language.vocabulary import Vocabulary

_PRIMITIVES = ("dyn", "bool", "int", "uint", "double", "string", "bytes")
_WELL_KNOWN = ("dyn", "any", "timestamp", "duration")
_CONSTANTS = {
    "null_value": "null",
    "bool_value": "bool",
    "int64_value": "int",
    "uint64_value": "uint",
    "double_value": "double",
    "string_value": "string",
    "bytes_value": "bytes",
}


def tree_of(checked: Checked, vocabulary: Vocabulary) -> Node:
    """The tree of a checked (or only parsed) expression."""
    message = checked.message
    if message.DESCRIPTOR.name == "ParsedExpr":
        return _Unchecked(vocabulary).node(message.expr, frozenset())
    return _Decoder(message, vocabulary).node(message.expr, frozenset())


def type_name(message: Any) -> str:
    """A `cel.expr.Type` as it is written: `list<string>`, `map<string, dyn>`."""
    kind = message.WhichOneof("kind")
    if kind == "primitive":
        return _PRIMITIVES[message.primitive]
    if kind == "well_known":
        return _WELL_KNOWN[message.well_known]
    if kind == "list_type":
        return f"list<{type_name(message.list_type.elem_type)}>"
    if kind == "map_type":
        return f"map<{type_name(message.map_type.key_type)}, {type_name(message.map_type.value_type)}>"
    if kind == "type":
        return f"type<{type_name(message.type)}>"
    if kind == "abstract_type":
        inner = ", ".join(map(type_name, message.abstract_type.parameter_types))
        return f"{message.abstract_type.name}<{inner}>"
    return "null" if kind == "null" else "dyn"


class _Decoder:
    """A checked expression; `bound` is the set of macro variables in sight."""

    def __init__(self, message: Any, vocabulary: Vocabulary) -> None:
        self._types, self._references = message.type_map, message.reference_map
        self._vocabulary = vocabulary

    def node(self, expr: Any, bound: frozenset[str]) -> Node:
        kind = expr.WhichOneof("kind")
        decode = getattr(self, f"_{kind}", None)
        if decode is None:
            return Alien("dyn", str(kind))
        found: Node = decode(expr, getattr(expr, kind), bound)
        return found

    def _type(self, expr: Any) -> str:
        return type_name(self._types[expr.id]) if expr.id in self._types else "dyn"

    def _const_expr(self, _expr: Any, constant: Any, _bound: frozenset[str]) -> Node:
        field = constant.WhichOneof("kind")
        if field not in _CONSTANTS:
            return Alien("dyn", str(field))
        value: Any = None if field == "null_value" else getattr(constant, field)
        return Literal(_CONSTANTS[field], UInt(value) if field == "uint64_value" else value)

    def _ident_expr(self, expr: Any, ident: Any, bound: frozenset[str]) -> Node:
        name = self._references[expr.id].name if expr.id in self._references else ident.name
        return self._named(name, self._type(expr), bound)

    def _named(self, name: str, type_: str, bound: frozenset[str]) -> Node:
        if name in bound:
            return Name(type_, name, local=True)
        name = name.removeprefix(".")  # `.x` reaches past a macro variable x
        if name.startswith(KNOWN):
            return Known("bool", name.removeprefix(KNOWN))
        if name not in self._vocabulary.types and name in NAMED_TYPES:
            return TypeLiteral(type_, name)
        return Name(type_, name)

    def _select_expr(self, expr: Any, select: Any, bound: frozenset[str]) -> Node:
        if expr.id in self._references:
            return self._named(self._references[expr.id].name, self._type(expr), bound)
        return Select(self._type(expr), self.node(select.operand, bound), select.field, select.test_only)

    def _call_expr(self, expr: Any, call: Any, bound: frozenset[str]) -> Node:
        receiver = call.HasField("target")
        arguments = [call.target, *call.args] if receiver else call.args
        nodes = tuple(self.node(argument, bound) for argument in arguments)
        return Call(self._type(expr), call.function, nodes, receiver)

    def _list_expr(self, expr: Any, made: Any, bound: frozenset[str]) -> Node:
        items = tuple(self.node(item, bound) for item in made.elements)
        return ListOf(self._type(expr), items, frozenset(made.optional_indices))

    def _struct_expr(self, expr: Any, made: Any, bound: frozenset[str]) -> Node:
        if made.message_name:
            return Alien(self._type(expr), f"the message {made.message_name}")
        entries = tuple((self.node(entry.map_key, bound), self.node(entry.value, bound)) for entry in made.entries)
        optional = frozenset(place for place, entry in enumerate(made.entries) if entry.optional_entry)
        return MapOf(self._type(expr), entries, optional)

    def _comprehension_expr(self, expr: Any, fold: Any, bound: frozenset[str]) -> Node:
        inside = bound | {fold.iter_var, fold.accu_var} | ({fold.iter_var2} if fold.iter_var2 else set())
        return recognised(
            type_=self._type(expr),
            variables=(fold.iter_var, fold.iter_var2) if fold.iter_var2 else (fold.iter_var,),
            accumulator=fold.accu_var,
            range_=self.node(fold.iter_range, bound),
            start=self.node(fold.accu_init, bound),
            condition=self.node(fold.loop_condition, inside),
            step=self.node(fold.loop_step, inside),
            result=self.node(fold.result, bound | {fold.accu_var}),
        )


class _Unchecked(_Decoder):
    """A parsed expression: nothing has a type, and names are resolved here."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._types, self._references = {}, {}
        self._vocabulary = vocabulary

    def _select_expr(self, expr: Any, select: Any, bound: frozenset[str]) -> Node:
        path = None if select.test_only else _path(expr)
        declared = path in self._vocabulary.types or path in NAMED_TYPES
        if path and declared and path.partition(".")[0] not in bound:
            return self._named(path, "dyn", bound)
        return super()._select_expr(expr, select, bound)

    def _call_expr(self, expr: Any, call: Any, bound: frozenset[str]) -> Node:
        path = _path(call.target) if call.HasField("target") else None
        qualified = f"{path}.{call.function}" if path else call.function
        if path and qualified in RUNTIME:
            return Call("dyn", qualified, tuple(self.node(argument, bound) for argument in call.args))
        found = super()._call_expr(expr, call, bound)
        if isinstance(found, Call) and not _callable(found):
            return Call("dyn", "@unknown", (Literal("string", call.function),))
        return found


def _callable(call: Call) -> bool:
    known = RUNTIME.get(call.function)
    return known is not None and known.fewest <= len(call.arguments) <= known.most


def _path(expr: Any) -> str | None:
    kind = expr.WhichOneof("kind")
    if kind == "ident_expr":
        return str(expr.ident_expr.name)
    if kind == "select_expr" and not expr.select_expr.test_only:
        prefix = _path(expr.select_expr.operand)
        return prefix and f"{prefix}.{expr.select_expr.field}"
    return None
