"""What would have to change for a condition to hold: the smallest parts that stand against it, as data.

Of `a && b && (c || d)` only what is false or cannot be evaluated is named; of alternatives that all fail, every one, as
any of them would do. Promises the verdicts of `explain` (each part is evaluated by the same generated form), and
that a condition that holds lacks nothing. Leaves words to its callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rules.language.condition import Expression
from rules.language.explain import program_of
from rules.language.problems import EvaluationError
from rules.language.tree import Call, Known, Name, Node, names_in, operands
from rules.language.written import text_of

Relation = Literal[
    "==", "!=", "<", "<=", ">", ">=", "one_of", "none_of", "with", "without", "true", "false", "known", "unknown"
]
_COMPARING: Mapping[str, Relation] = {"_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">="}
_MIRRORED: Mapping[Relation, Relation] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE: Mapping[Relation, Relation] = {
    "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "one_of": "none_of", "none_of": "one_of",
    "with": "without", "without": "with", "true": "false", "false": "true", "known": "unknown", "unknown": "known",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lack:
    """One part, what it is now, and what it would have to be."""

    subject: str
    """What is looked at, as CEL: `customer.spend_90d`."""
    value: object
    """What it is; an EvaluationError where that is not known."""
    relation: Relation
    bound: object = None
    """What it is compared with; None where the relation says all."""
    reads: frozenset[str] = frozenset()
    """The declared names in the part."""
    follows: Lacking | None = None
    """What that would take, where the subject follows from a condition of its own."""


@dataclass(frozen=True, slots=True)
class Lacks:
    """Several parts: all of them would have to change, or one would do."""

    is_all: bool
    parts: tuple[Lacking, ...]


Lacking: TypeAlias = Lack | Lacks


def lacking(condition: Expression, facts: Mapping[str, object], wanted: bool = True) -> Lacking | None:
    """None if the condition is what is wanted of it."""
    if condition.generated:
        return _lacking(condition.tree, wanted, facts)
    value = condition.value(facts)
    relation: Relation = "true" if wanted else "false"
    return None if value is wanted else Lack(condition.source, value, relation, reads=names_in(condition.tree))


def together(parts: list[Lacking], is_all: bool = True) -> Lacking | None:
    """One of them alone as it is; those of the same kind in one list; None if there is none."""
    flat = [each for part in parts for each in _same_kind(part, is_all)]
    if is_all:
        flat = [each for each in flat if not _implied(each, flat)]
    return Lacks(is_all, tuple(flat)) if len(flat) > 1 else next(iter(flat), None)


def leaves(found: Lacking | None) -> list[Lack]:
    """Every single part, in the order of the condition."""
    if isinstance(found, Lacks):
        return [leaf for part in found.parts for leaf in leaves(part)]
    return [] if found is None else [found]


def _implied(part: Lacking, among: list[Lacking]) -> bool:
    """`has(x)` beside another part that needs `x`: that one says more."""
    if not (isinstance(part, Lack) and part.relation == "known"):
        return False
    return any(
        isinstance(each, Lack) and each.relation not in ("known", "unknown") and part.subject in each.reads
        for each in among
    )


def _same_kind(part: Lacking, is_all: bool) -> tuple[Lacking, ...]:
    return part.parts if isinstance(part, Lacks) and part.is_all == is_all else (part,)


def _lacking(node: Node, wanted: bool, facts: Mapping[str, object]) -> Lacking | None:
    """What keeps the node from being what is wanted of it."""
    if program_of(node).run(facts) is wanted:
        return None
    if isinstance(node, Call):
        match node.function:
            case "!_":
                return _lacking(node.arguments[0], not wanted, facts)
            case "_&&_" | "_||_":
                sides = (_lacking(side, wanted, facts) for side in operands(node, node.function))
                is_all = (node.function == "_&&_") is wanted
                return together([side for side in sides if side is not None], is_all)
            case "_?_:_":
                return _in_choice(node, wanted, facts)
    return _one(node, wanted, facts)


def _in_choice(node: Call, wanted: bool, facts: Mapping[str, object]) -> Lacking | None:
    """The branch that is taken; where it is a constant, the test would have to come out otherwise."""
    test, then, other = node.arguments
    taken = program_of(test).run(facts)
    if not isinstance(taken, bool):
        return _one(test, True, facts)
    branch = then if taken else other
    return _lacking(branch, wanted, facts) if names_in(branch) else _lacking(test, not taken, facts)


def _one(node: Node, wanted: bool, facts: Mapping[str, object]) -> Lack:
    found = _compared(node, facts) or _contained(node, facts) or _asked(node, facts)
    if wanted:
        return found
    return Lack(found.subject, found.value, _OPPOSITE[found.relation], found.bound, found.reads)


def _compared(node: Node, facts: Mapping[str, object]) -> Lack | None:
    """A comparison: the side that the facts decide beside the other one, its bound."""
    if not (isinstance(node, Call) and node.function in _COMPARING):
        return None
    subject, bound = node.arguments
    relation = _COMPARING[node.function]
    if _looks_aside(subject, bound, facts):
        subject, bound, relation = bound, subject, _MIRRORED.get(relation, relation)
    limit = _value(bound, facts)
    if isinstance(limit, EvaluationError):  # both sides are unknown, so that there is nothing to compare with
        return _whole(node, facts)
    return Lack(text_of(subject), _value(subject, facts), relation, limit, names_in(node))


def _looks_aside(left: Node, right: Node, facts: Mapping[str, object]) -> bool:
    """Whether it is the right side that would have to change: `18 <= customer.age`, `now < customer.contract_end`."""
    if isinstance(_value(right, facts), EvaluationError):
        return True
    is_fixed = not names_in(left) or (isinstance(left, Name) and left.name == "now")
    return is_fixed and bool(names_in(right)) and not isinstance(_value(left, facts), EvaluationError)


def _contained(node: Node, facts: Mapping[str, object]) -> Lack | None:
    """`x in y`: of a list that is written in the condition the member is looked at, otherwise the list."""
    if not (isinstance(node, Call) and node.function == "@in"):
        return None
    member, around = node.arguments
    relation: Relation = "with" if names_in(around) else "one_of"
    subject, bound = (around, member) if relation == "with" else (member, around)
    limit = _value(bound, facts)
    if isinstance(limit, EvaluationError):
        return _whole(node, facts)
    return Lack(text_of(subject), _value(subject, facts), relation, limit, names_in(node))


def _asked(node: Node, facts: Mapping[str, object]) -> Lack:
    """Whether a fact is known; a fact or expression that is true or false by itself."""
    if isinstance(node, Known):
        found = facts.get(node.name, EvaluationError(f"{node.name} is not known"))
        return Lack(node.name, found, "known", reads=names_in(node))
    return _whole(node, facts)


def _whole(node: Node, facts: Mapping[str, object]) -> Lack:
    return Lack(text_of(node), _value(node, facts), "true", reads=names_in(node))


def _value(node: Node, facts: Mapping[str, object]) -> object:
    return program_of(node).run(facts)
