"""A tree made runnable: generated on first use, evaluated fast, and carefully where something fails.

Promises thread safety without locks: what two threads make at the same time is the same, and the last one
stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rules.language import python as py
from rules.language.generate import BUDGET, FACTS, Emitter
from rules.language.problems import EvaluationError
from rules.language.runtime.logic import ERRORS, STEPS_MAX, sentence
from rules.language.tree import Node

Facts = Mapping[str, object]


class Program:
    """A tree as two Python functions of the facts."""

    __slots__ = ("_careful", "_fast", "tree")

    def __init__(self, tree: Node) -> None:
        self.tree = tree
        self._fast: Callable[[Facts], object] = self._first
        self._careful: Callable[[Facts], object] | None = None

    def run(self, facts: Facts) -> object:
        """The value for these facts, or the EvaluationError that stands in its place."""
        try:
            return self._fast(facts)
        except ERRORS:
            return self.carefully(facts)

    def carefully(self, facts: Facts) -> object:
        """As `run`, for a caller who knows that the fast form fails."""
        if self._careful is None:
            self._careful = compiled(self.tree, careful=True)
        try:
            return self._careful(facts)
        except ERRORS as error:
            return EvaluationError(sentence(error))

    def _first(self, facts: Facts) -> object:
        self._fast = compiled(self.tree)
        return self._fast(facts)


def compiled(tree: Node, *, careful: bool = False) -> Callable[[Any], Any]:
    """The tree as one function of the facts, which raises where evaluation fails."""
    names = py.Globals()
    emitter = Emitter(names, careful=careful)
    result = emitter.expression(tree)
    body = [py.give(result)]
    if emitter.uses_budget:
        body.insert(0, budget(names))
    return names.function(py.definition("careful" if careful else "fast", [FACTS], body))


def budget(names: py.Globals) -> Any:
    """The statement that starts the count of nested macros' steps."""
    return py.assign(BUDGET, py.list_of([names.constant(STEPS_MAX)]))
