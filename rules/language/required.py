"""What a condition requires before anything else: its conjuncts, and the values it demands of a field.

A rule set is indexed on these, and contradictions between them show that a condition never holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from rules.language.constants import NOTHING, constant
from rules.language.tree import Bind, Call, ListOf, Macro, Name, Node, operands, walk

_ABSORBING = ("_&&_", "_||_")
_INDEXED = frozenset(("string", "int", "uint", "bool"))


@dataclass(frozen=True, slots=True)
class Demand:
    """A declared name must have one of these values."""

    name: str
    values: frozenset[object]


def conjuncts(tree: Node) -> list[Node]:
    """The sides of the outermost `&&`: the condition holds if and only if all of them do."""
    return operands(tree, "_&&_")


def demand_of(term: Node) -> Demand | None:
    """The demand that a conjunct makes, if it is one: `name == constant`, `name in [constants]`, `name`."""
    if isinstance(term, Name) and term.type == "bool" and not term.local:
        return Demand(term.name, frozenset((True,)))
    if not isinstance(term, Call):
        return None
    if term.function == "!_":
        inner = demand_of(term.arguments[0]) if isinstance(term.arguments[0], Name) else None
        return inner and Demand(inner.name, frozenset((False,)))
    if term.function == "_==_":
        left, right = term.arguments
        return _demanded(left, [right]) or _demanded(right, [left])
    if term.function == "@in" and isinstance(term.arguments[1], ListOf) and not term.arguments[1].optional:
        return _demanded(term.arguments[0], list(term.arguments[1].items))
    return None


def _demanded(name: Node, allowed: list[Node]) -> Demand | None:
    if not isinstance(name, Name) or name.local or name.type not in _INDEXED:
        return None
    values = [constant(node) for node in allowed if node.type == name.type]
    if len(values) < len(allowed) or any(value is NOTHING for value in values):
        return None
    return Demand(name.name, frozenset(values))


def is_plain(term: Node) -> bool:
    """Whether an exception of the fast form always means an error of the term.

    Not so where errors are absorbed: in `a || b` the exception of one side may not matter.
    """
    return not any(_absorbs(part) for part in walk(term))


def _absorbs(node: Node) -> bool:
    if isinstance(node, Call):
        return node.function in _ABSORBING
    return isinstance(node, Bind) or (isinstance(node, Macro) and node.kind in ("all", "exists"))
