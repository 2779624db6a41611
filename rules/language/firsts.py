"""Many lists of conditions against one set of facts: of each list, which is the first that is false.

Promises one function for all of them, that reads each name once and goes straight on: offers of a place are asked
together, and a call for each of a hundred conditions costs more than the conditions do. What fails there is left to
whoever asks, condition by condition.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rules.language import python as py
from rules.language.condition import Condition
from rules.language.generate import FACTS
from rules.language.grouping import Rule
from rules.language.ruleset import ERRORS_NAME, Writer
from rules.language.tree import Known, Node
from rules.language.unknowns import needed

_FOUND = "found"
_TOGETHER_MAX = 400
"""Lists in one generated function."""

Firsts = list[int | None]


class FirstFalse:
    """Fixed lists of conditions; `of` asks them all. Immutable; threads may share it."""

    __slots__ = ("_amount", "_parts")

    def __init__(self, lists: Sequence[Sequence[Condition]]) -> None:
        self._amount = len(lists)
        self._parts = [_written(lists[at : at + _TOGETHER_MAX]) for at in range(0, len(lists), _TOGETHER_MAX)]

    def __len__(self) -> int:
        return self._amount

    def of(self, facts: Mapping[str, object]) -> Firsts:
        """Of each list how many hold before the first that is false; of all that hold, how many there are. None where
        one of these cannot be evaluated, or only carefully."""
        found: Firsts = []
        for part in self._parts:
            found += part(facts)
        return found


def _written(lists: Sequence[Sequence[Condition]]) -> Callable[[Mapping[str, object]], Firsts]:
    writer = _Writer([[each.tree for each in one] if all(each.generated for each in one) else None for one in lists])
    made = writer.function()
    writer.forget()
    return made


class _Writer(Writer):
    """`lists`: None for one that no code is generated of."""

    def __init__(self, lists: Sequence[Sequence[Node] | None]) -> None:
        super().__init__([Rule(at, tuple(one), _nothing) for at, one in enumerate(lists) if one is not None])
        self._amount = len(lists)

    def function(self) -> Callable[..., Any]:
        by_need: dict[tuple[str, ...], list[ast.stmt]] = {}
        alone: list[ast.stmt] = []
        for rule in self._parts:
            assert isinstance(rule, Rule)
            need = tuple(sorted(needed(rule.terms[0]))) if rule.terms else ()
            if need:
                by_need.setdefault(need, []).append(self._noted(rule))
            else:
                alone.append(self._attempted([self._noted(rule)]))
        together = [self._where_known(need, noted) for need, noted in by_need.items()]
        found = py.assign(_FOUND, py.list_of([self._names.constant(None)] * self._amount))
        return self._names.function(
            py.definition("firsts", [FACTS], [*self._start(), found, *together, *alone, py.give(py.load(_FOUND))])
        )

    def _where_known(self, need: tuple[str, ...], noted: Sequence[ast.stmt]) -> ast.stmt:
        """Lists whose first conditions need the same names. Where one fails all the same, it and those after it are
        None."""
        return py.when(py.every([self._flag(Known("bool", name)) for name in need]), [self._attempted(noted)])

    def _attempted(self, noted: Sequence[ast.stmt]) -> ast.stmt:
        return py.attempt(noted, py.load(ERRORS_NAME), [])

    def _noted(self, rule: Rule) -> ast.stmt:
        """`found[3] = ((2 if v1 > 5 else 1) if v1_is_known else None) if v0 else 0`"""
        value = self._names.constant(len(rule.terms))
        for at in reversed(range(len(rule.terms))):
            value = py.choice(py.every(self._tests(rule.terms[at])), value, self._names.constant(at))
            more = sorted(needed(rule.terms[at]) - needed(rule.terms[0]))
            if more:  # one that is not known is of this list alone
                known = py.every([self._flag(Known("bool", name)) for name in more])
                value = py.choice(known, value, self._names.constant(None))
        return py.put(_FOUND, self._names.constant(rule.number), value)


def _nothing(_: object) -> object:
    return None
