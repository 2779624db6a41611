"""The code of a rule set: many conditions as one Python function that notes which of them hold.

Promises that each declared name is read once, that a term which several rules require is evaluated once for all of
them (rules are nested under the terms they share), and likewise each costly expression that occurs more than once.
Leaves the choice of rules to `matcher`.

How a rule's errors are treated: a rule is a conjunction, and a conjunct that fails cannot make it hold, so that the
fast form's exception means "does not hold". Only where a conjunct absorbs errors is the careful form asked.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rules.language import python as py
from rules.language.generate import FACTS, Emitter
from rules.language.program import budget
from rules.language.required import is_plain
from rules.language.runtime.logic import ERRORS
from rules.language.runtime.times import utc
from rules.language.tree import Bind, Call, Literal, Macro, Name, Node, children, free_locals, names_in, walk

Collect = Callable[[Any, Callable[[int], None]], None]
"""Called with the facts and with what to call for every rule that holds."""

_ADD, _ERRORS = "add", "errors"
_DEPTH_MAX = 12


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the set: its number, the terms that are still to be tested, and the whole, asked carefully."""

    number: int
    terms: tuple[Node, ...]
    carefully: Callable[[Any], object]


def collector(rules: Sequence[Rule]) -> Collect:
    """One function for these rules."""
    return _Writer(rules).function()


class _Writer:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._names = py.Globals()
        self._names.values[_ERRORS] = ERRORS
        self._variables: dict[Name, str] = {}
        self._emitter = Emitter(self._names, read=self._variable)
        self._emitter.shared = {node: f"s{at}" for at, node in enumerate(_repeated(rules))}

    def function(self) -> Collect:
        body = self._group(self._rules, 0)
        start: list[ast.stmt] = [
            py.assign(name, self._names.constant(None)) for name in self._emitter.shared.values()
        ]
        if self._emitter.uses_budget:
            start.append(budget(self._names))
        reads = [
            statement for name, local in self._variables.items() for statement in self._loaded(name, local)
        ]
        return self._names.function(py.definition("rules", [FACTS, _ADD], [*start, *reads, *body]))

    def _variable(self, name: Name) -> ast.expr:
        return py.load(self._variables.setdefault(name, f"v{len(self._variables)}"))

    def _loaded(self, name: Name, local: str) -> list[ast.stmt]:
        """`if "customer.age" in f: v1 = f["customer.age"]`; an unknown one stays unbound and fails where read."""
        key = self._names.constant(name.name)
        value = py.item(py.load(FACTS), key)
        if name.type == "timestamp":
            value = py.call(self._names.helper(utc), value)
        return [py.when(py.compare(key, ast.In(), py.load(FACTS)), [py.assign(local, value)])]

    def _group(self, rules: Sequence[Rule], level: int) -> list[ast.stmt]:
        """The rules' tests; those that share a term are nested under it."""
        statements: list[ast.stmt] = []
        rest = list(rules)
        while rest:
            term, sharing = _most_shared(rest) if level < _DEPTH_MAX else (None, 0)
            if term is None or sharing < 2:
                statements += [self._rule(rule) for rule in rest]
                break
            inside = [_without(rule, term) for rule in rest if term in rule.terms]
            rest = [rule for rule in rest if term not in rule.terms]
            nested = py.when(self._emitter.truth(term), self._group(inside, level + 1))
            statements.append(py.attempt([nested], py.load(_ERRORS), []))
        return statements

    def _rule(self, rule: Rule) -> ast.stmt:
        hit = py.do(py.call(py.load(_ADD), self._names.constant(rule.number)))
        if not rule.terms:
            return hit
        test = py.every([self._emitter.truth(term) for term in rule.terms])
        otherwise: list[ast.stmt] = []
        if not all(map(is_plain, rule.terms)):
            asked = py.call(self._names.constant(rule.carefully), py.load(FACTS))
            otherwise = [py.when(py.compare(asked, ast.Is(), self._names.constant(True)), [hit])]
        return py.attempt([py.when(test, [hit])], py.load(_ERRORS), otherwise)


def _most_shared(rules: Sequence[Rule]) -> tuple[Node | None, int]:
    """The plain term that most of the rules require, and of how many."""
    counts = Counter(term for rule in rules for term in set(rule.terms))
    for term, count in counts.most_common():
        if is_plain(term):
            return term, count
    return None, 0


def _without(rule: Rule, term: Node) -> Rule:
    return Rule(rule.number, tuple(kept for kept in rule.terms if kept != term), rule.carefully)


def _repeated(rules: Sequence[Rule]) -> list[Node]:
    """The costly expressions that occur in more than one term, and depend on the facts alone."""
    terms = {term for rule in rules for term in rule.terms}
    counts = Counter(part for term in terms for part in set(walk(term)) if _costly(part))
    return [part for part, count in counts.items() if count > 1 and not free_locals(part) and names_in(part)]


def _costly(node: Node) -> bool:
    """Whether keeping the value is cheaper than working it out again."""
    if isinstance(node, (Macro, Bind)):
        return True
    if not isinstance(node, Call) or node.function in ("_&&_", "_||_", "!_"):
        return False
    return any(not isinstance(part, (Name, Literal)) for part in children(node)) or node.type != "bool"
