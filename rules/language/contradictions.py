"""Conditions that can never hold, found when the policy is checked.

Promises no false alarm: what is reported cannot be true for any facts. It does not find everything; it looks
at the values and bounds that the conjuncts demand of each name, at constants, and at a term beside its own
negation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from rules.language.condition import Condition
from rules.language.constants import NOTHING, constant, not_generated
from rules.language.problems import EvaluationError
from rules.language.program import Program
from rules.language.required import conjuncts, demand_of
from rules.language.tree import Call, Name, Node, names_in, operands
from rules.language.unknowns import inwards
from rules.language.written import text_of

_ALTERNATIVES_MAX = 64
_MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}
_OPPOSITE = {"_<_": "_>=_", "_<=_": "_>_", "_>_": "_<=_", "_>=_": "_<_", "_==_": "_!=_", "_!=_": "_==_"}
_ORDERED = frozenset(("int", "uint", "double", "string", "timestamp", "duration"))


def never_holds(condition: Condition) -> str | None:
    """Why the condition cannot hold, whatever the facts are; None if it may."""
    return _impossible(inwards(condition.tree))


def never_together(conditions: Sequence[Condition]) -> str | None:
    """Why the conditions cannot all hold for the same facts; None if they may."""
    trees = [inwards(each.tree) for each in conditions]
    return _impossible(reduce(_both, trees)) if trees else None


def holds_always(condition: Condition) -> bool:
    """Whether there are no facts for which the condition is false; it may fail all the same."""
    return _impossible(inwards(Call("bool", "!_", (condition.tree,)))) is not None


def _both(one: Node, other: Node) -> Node:
    return Call("bool", "_&&_", (one, other))


def _impossible(tree: Node) -> str | None:
    # nothing is known of what is not generated, not even that two such terms mean the same
    terms = [term for term in conjuncts(tree) if not not_generated(term)]
    found = next((reason for term in terms if (reason := _impossible_term(term))), None)
    return found or _contrary(terms) or _out_of_bounds(terms)


def _impossible_term(term: Node) -> str | None:
    """A term that is false or fails by itself: a constant, or alternatives that are all impossible."""
    if not names_in(term):
        value = Program(term).run({})
        if isinstance(value, EvaluationError):
            return f"`{text_of(term)}` always fails: {value.message}"
        return None if value is True else f"`{text_of(term)}` is always false"
    if isinstance(term, Call) and term.function == "_||_":
        sides = operands(term, "_||_")[:_ALTERNATIVES_MAX]
        reasons = [_impossible(side) for side in sides]
        return "; ".join(reason for reason in reasons if reason) if all(reasons) else None
    demand = demand_of(term)
    return f"`{text_of(term)}` allows no value" if demand and not demand.values else None


def _contrary(terms: Sequence[Node]) -> str | None:
    """A term beside its own negation."""
    wanted = set(terms)
    for term in terms:
        if isinstance(term, Call) and term.function == "!_" and term.arguments[0] in wanted:
            return f"`{text_of(term.arguments[0])}` must be both true and false"
    return None


@dataclass(slots=True)
class _Bounds:
    """What the terms so far allow one name to be; `terms` says which of them."""

    allowed: frozenset[object] | None = None
    refused: set[object] = field(default_factory=set)
    low: Any = None
    low_open: bool = False
    high: Any = None
    high_open: bool = False
    terms: list[str] = field(default_factory=list)

    def narrow(self, operator: str, value: Any) -> None:
        if operator == "_!=_":
            self.refused.add(value)
        elif operator == "_==_":
            self.allow(frozenset((value,)))
        elif operator in ("_>_", "_>=_") and (self.low is None or value >= self.low):
            self.low_open = operator == "_>_" or (value == self.low and self.low_open)
            self.low = value
        elif operator in ("_<_", "_<=_") and (self.high is None or value <= self.high):
            self.high_open = operator == "_<_" or (value == self.high and self.high_open)
            self.high = value

    def allow(self, values: frozenset[object]) -> None:
        self.allowed = values if self.allowed is None else self.allowed & values

    def empty(self) -> bool:
        if self.allowed is not None:
            return not any(self._fits(value) for value in self.allowed)
        if self.low is None or self.high is None:
            return False
        return bool(self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)))

    def _fits(self, value: Any) -> bool:
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below and value not in self.refused


def _out_of_bounds(terms: Sequence[Node]) -> str | None:
    """A name that would have to satisfy demands which no value satisfies."""
    bounds: dict[str, _Bounds] = {}
    for term in terms:
        if (narrowing := _narrowing(term)) is None:
            continue
        name, operator, value = narrowing
        bound = bounds.setdefault(name, _Bounds())
        bound.terms.append(text_of(term))
        if operator == "@in":
            bound.allow(value)
        else:
            bound.narrow(operator, value)
        if bound.empty():
            return f"{name} cannot satisfy {' and '.join(f'`{text}`' for text in bound.terms)}"
    return None


def _narrowing(term: Node) -> tuple[str, str, Any] | None:
    """The name, operator and constant of a comparison; the values that are demanded for `@in`."""
    if demand := demand_of(term):
        return demand.name, "@in", demand.values
    if not isinstance(term, Call):
        return None
    if term.function == "!_":
        inner = _comparison(term.arguments[0])
        # `!(x < nan)` is not `x >= nan`: a double is left alone
        return (inner[0], _OPPOSITE[inner[1]], inner[2]) if inner and type(inner[2]) is not float else None
    return _comparison(term)


def _comparison(term: Node) -> tuple[str, str, Any] | None:
    if not isinstance(term, Call) or term.function not in _MIRRORED:
        return None
    left, right = term.arguments
    if left.type != right.type or left.type not in _ORDERED:
        return None
    for name, other, operator in ((left, right, term.function), (right, left, _MIRRORED[term.function])):
        value = constant(other)
        if isinstance(name, Name) and not name.local and value is not NOTHING and value == value:
            return name.name, operator, value
    return None
