"""A compiled condition or expression: what it reads, and its answer for one set of facts.

Promises that evaluation never raises for what the facts hold: an evaluation error is returned as a value. A
fact of another type than declared is a mistake of the program that built it and does raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rules.language.constants import not_generated
from rules.language.decode import tree_of
from rules.language.frontend import Checked, check
from rules.language.limits import check_size
from rules.language.oracle import Oracle
from rules.language.problems import ConditionError, EvaluationError, Problem
from rules.language.program import Facts, Program, Quick
from rules.language.tree import Node, names_in
from rules.language.vocabulary import Vocabulary


class Expression:
    """An accepted expression of any type. Immutable; safe to share between threads."""

    __slots__ = ("_program", "carefully", "generated", "reads", "result_type", "source", "tree", "value")

    def __init__(self, source: str, tree: Node, reads: frozenset[str], program: Program | Oracle) -> None:
        self.source = source
        self.tree = tree
        self.reads = reads
        self.result_type = tree.type
        self.generated = isinstance(program, Program)
        self._program = program
        self.value: Callable[[Facts], object | EvaluationError] = program.run
        """The value for these facts, or the EvaluationError that stands in its place."""
        self.carefully: Callable[[Facts], object] = program.carefully

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.source, self.tree, self.reads, self._program)

    def quick(self) -> Quick:
        """For who asks very often: gives the value, or an EvaluationError in its place, or raises one of ERRORS; then
        `value` says what it is."""
        return self._program.quick()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"


class Condition(Expression):
    """An accepted expression of type bool."""

    __slots__ = ()

    def verdict(self, facts: Facts) -> bool | EvaluationError:
        """Whether the condition is met, or why that cannot be said."""
        found = self.value(facts)
        return found if isinstance(found, EvaluationError) else found is True

    def holds(self, facts: Facts) -> bool:
        """Whether the condition is met; an evaluation error means it is not."""
        return self.value(facts) is True


Kind = TypeVar("Kind", bound=Expression)


def expression_of(checked: Checked, vocabulary: Vocabulary, kind: type[Kind]) -> Kind:
    """What the front end has accepted, ready to evaluate; raises ConditionError for one that would cost too much."""
    tree = tree_of(checked, vocabulary)
    check_size(tree)
    program = Program(tree) if not_generated(tree) is None else Oracle(checked)
    return kind(checked.source, tree, names_in(tree).intersection(vocabulary.types), program)


def compile_expression(source: str, vocabulary: Vocabulary) -> Expression:
    """Compile an expression of any type; raises ConditionError with every problem."""
    return expression_of(check(source, vocabulary), vocabulary, Expression)


def compile_condition(source: str, vocabulary: Vocabulary) -> Condition:
    """Compile an expression that must be of type bool; raises ConditionError with every problem."""
    condition = expression_of(check(source, vocabulary), vocabulary, Condition)
    if condition.result_type != "bool":
        raise ConditionError((_not_a_condition(condition.result_type),))
    return condition


def _not_a_condition(result_type: str) -> Problem:
    hint = "write `… == true`" if result_type == "dyn" else "compare the value with something"
    return Problem(f"a condition must be true or false, and this is of type {result_type}", hint=hint)
