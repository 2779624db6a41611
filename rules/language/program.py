"""A tree made runnable: generated on first use, evaluated fast, and carefully where something fails.

Promises thread safety without locks: what two threads make at the same time is the same, and the last one
stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rules.language import python as py
from rules.language.generate import BUDGET, FACTS, Emitter
from rules.language.problems import EvaluationError
from rules.language.runtime.effort import WORK_MAX
from rules.language.runtime.logic import ERRORS, STEPS_MAX, sentence
from rules.language.runtime.values import type_of
from rules.language.tree import Call, Name, Node, operands, walk
from rules.language.unknowns import needed

Facts = Mapping[str, object]
Quick = Callable[[Facts], object]
_Careful = Callable[[Facts, list[int]], object]


class Program:
    """A tree as Python functions of the facts."""

    __slots__ = ("_careful", "_fast", "tree")

    def __init__(
        self, tree: Node, fast: Callable[[Facts], object] | None = None, careful: _Careful | None = None
    ) -> None:
        self.tree = tree
        self._fast = fast  # not its own method: what is in no cycle goes by itself
        self._careful = careful

    def __reduce__(self) -> tuple[Any, ...]:
        """What is generated goes along (app/crossing.py)."""
        return Program, (self.tree, self._fast, self._careful)

    def run(self, facts: Facts) -> object:
        """The value for these facts, or the EvaluationError that stands in its place."""
        try:
            return (self._fast or self._first())(facts)
        except ERRORS:
            return self.carefully(facts)

    def quick(self) -> Quick:
        """What `run` asks first; it raises where evaluation fails."""
        return self._fast or self._first()

    def carefully(self, facts: Facts, budget: list[int] | None = None) -> object:
        """As `run`, for a caller who knows that the fast form fails; for a side, with the work that is left."""
        if self._careful is None:
            self._careful = _careful(self.tree)
        return self._careful(facts, [STEPS_MAX, WORK_MAX] if budget is None else budget)

    def _first(self) -> Callable[[Facts], object]:
        self._fast = made = compiled(self.tree)
        return made


def compiled(tree: Node, *, careful: bool = False) -> Callable[..., Any]:
    """The tree as one function of the facts (carefully: and the budget), which raises where evaluation fails."""
    names = py.Globals()
    emitter = Emitter(names, careful=careful)
    result = emitter.expression(tree)
    body = [py.give(result)]
    if careful:
        return names.function(py.definition("careful", [FACTS, BUDGET], body))
    if emitter.uses_budget:
        body.insert(0, budget(names))
    return names.function(py.definition("fast", [FACTS], body))


def budget(names: py.Globals) -> Any:
    """The statement that starts the count of what an evaluation takes."""
    return py.assign(BUDGET, py.list_of([names.constant(STEPS_MAX), names.constant(WORK_MAX)]))


def _careful(tree: Node) -> _Careful:
    if isinstance(tree, Call) and tree.function in ("_&&_", "_||_") and tree.type == "bool":
        return partial(_of_sides, [Program(side) for side in operands(tree, tree.function)], tree.function == "_||_")
    asked = needed(tree)
    read = [part.name for part in walk(tree) if isinstance(part, Name) and part.name in asked]
    return partial(_of_one, read, compiled(tree, careful=True))


def _of_sides(sides: list[Program], decisive: bool, facts: Facts, budget: list[int]) -> object:
    """A chain of `&&` or `||`: one decisive side is enough, else the first error stands."""
    failure: EvaluationError | None = None
    for side in sides:
        budget[0] = STEPS_MAX
        value = side.carefully(facts, budget)
        if value is decisive:
            return decisive
        if value is not (not decisive):
            failure = failure or _as_error(value)
    return failure or not decisive


def _as_error(value: object) -> EvaluationError:
    """The error of a side that is neither true nor false."""
    if isinstance(value, EvaluationError):
        return value
    return EvaluationError(f"a logical operator cannot be applied to {type_of(value)}")


def _of_one(read: list[str], function: _Careful, facts: Facts, budget: list[int]) -> object:
    """Anything else. Unknown names are looked for first: that is what mostly fails, and raising is slow."""
    for name in read:
        if name not in facts:
            return EvaluationError(f"{name} is not known")
    try:
        return function(facts, budget)
    except ERRORS as error:
        return EvaluationError(sentence(error))
