"""The code of a rule set: many conditions as one Python function that notes which of them hold.

Promises that each declared name is read once, that a term which several rules require is evaluated once for
all of them (rules are nested under the terms they share), and likewise each costly expression that occurs
more than once. Leaves the choice of rules to `matcher`.

How a rule's errors are treated: a rule is a conjunction, and a conjunct that fails cannot make it hold, so
that the fast form's exception means "does not hold". Only where a conjunct absorbs errors is the careful form
asked.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from rules.language import python as py
from rules.language.generate import BUDGET, FACTS, Emitter
from rules.language.grouping import Group, Rule, plan
from rules.language.program import budget
from rules.language.required import is_plain
from rules.language.runtime import logic
from rules.language.runtime.logic import ERRORS
from rules.language.tree import (
    Bind,
    Call,
    Known,
    Literal,
    Macro,
    Name,
    Node,
    children,
    free_locals,
    names_in,
    walk,
)

Collect = Callable[[Any, Callable[[int], None]], None]
"""Called with the facts and with what to call for every rule that holds."""

_ADD, ERRORS_NAME = "add", "errors"


def collector(rules: Sequence[Rule]) -> Collect:
    """One function for these rules."""
    writer = Writer(plan(rules))
    made = writer.function()
    writer.forget()
    return made


class Writer:
    """Writes one function of many conditions."""

    def __init__(self, parts: Sequence[Group | Rule]) -> None:
        self._parts = parts
        self._names = py.Globals()
        self._names.values[ERRORS_NAME] = (*ERRORS, NameError)  # a name that was not known is not bound
        self._variables: dict[Name, str] = {}
        self._flags: dict[str, str] = {}
        self._emitter = Emitter(self._names, read=self._variable, known=self._flag)
        self._uses_budget = False
        self._emitter.shared = {node: f"s{at}" for at, node in enumerate(_repeated(self._parts))}

    def function(self) -> Callable[..., Any]:
        body = [self._part(part) for part in self._parts]
        return self._names.function(py.definition("rules", [FACTS, _ADD], [*self._start(), *body]))

    def _start(self) -> list[ast.stmt]:
        """What stands before the body, which has been written."""
        start: list[ast.stmt] = [py.assign(name, self._names.constant(None)) for name in self._emitter.shared.values()]
        if self._uses_budget:
            start.append(budget(self._names))
        return [*start, *self._reads()]

    def forget(self) -> None:
        """Parts from its emitter, which knows it: a cycle would keep all that is named here until it is looked for."""
        del self._emitter

    def _variable(self, name: Name) -> ast.expr:
        return py.load(self._variables.setdefault(name, f"v{len(self._variables)}"))

    def _flag(self, known: Known) -> ast.expr:
        return py.load(self._flags.setdefault(known.name, f"k{len(self._flags)}"))

    def _reads(self) -> list[ast.stmt]:
        """Each name the rules read or ask for, once: `k0 = "customer.age" in f` and `if k0: v0 = f[…]`.

        What is not known stays unbound and fails where it is read.
        """
        for name in self._variables:
            self._flag(Known("bool", name.name))
        tests = [py.assign(flag, self._in_facts(name)) for name, flag in self._flags.items()]
        loads = [
            py.when(py.load(self._flags[name.name]), [py.assign(local, self._fact(name))])
            for name, local in self._variables.items()
        ]
        return [*tests, *loads]

    def _in_facts(self, name: str) -> ast.expr:
        return py.compare(self._names.constant(name), ast.In(), py.load(FACTS))

    def _fact(self, name: Name) -> ast.expr:
        value = py.item(py.load(FACTS), self._names.constant(name.name))
        return self._emitter.fact(name.type, value)

    def _part(self, part: Group | Rule) -> ast.stmt:
        if isinstance(part, Rule):
            return self._rule(part)
        nested = [self._part(inner) for inner in part.parts]
        return py.attempt([py.when(py.every(self._tests(part.term)), nested)], py.load(ERRORS_NAME), [])

    def _tests(self, term: Node, begin: Callable[[list[int]], bool] = logic.begin) -> list[ast.expr]:
        """The term's test; if it takes of the budget, after the count has begun anew."""
        self._emitter.uses_budget = False
        test = self._emitter.truth(term)
        if not self._emitter.uses_budget:
            return [test]
        self._uses_budget = True
        return [py.call(self._names.helper(begin), py.load(BUDGET)), test]

    def _rule(self, rule: Rule) -> ast.stmt:
        hit = py.do(py.call(py.load(_ADD), self._names.constant(rule.number)))
        if not rule.terms:
            return hit
        tests: list[ast.expr] = []
        begin = logic.begin
        for term in rule.terms:
            tested = self._tests(term, begin)
            begin = logic.begin_steps if len(tested) > 1 else begin
            tests += tested
        test = py.every(tests)
        otherwise: list[ast.stmt] = []
        if not all(map(is_plain, rule.terms)):
            asked = py.call(self._names.constant(rule.carefully), py.load(FACTS))
            otherwise = [py.when(py.compare(asked, ast.Is(), self._names.constant(True)), [hit])]
        return py.attempt([py.when(test, [hit])], py.load(ERRORS_NAME), otherwise)


def _repeated(parts: Sequence[Group | Rule]) -> list[Node]:
    """The costly expressions that occur in more than one place, and depend on the facts alone."""
    counts = Counter(node for term in _terms(parts) for node in set(walk(term)) if _costly(node))
    return [node for node, count in counts.items() if count > 1 and not free_locals(node) and names_in(node)]


def _terms(parts: Sequence[Group | Rule]) -> list[Node]:
    """Every term as often as it is tested."""
    found: list[Node] = []
    for part in parts:
        found += part.terms if isinstance(part, Rule) else [part.term, *_terms(part.parts)]
    return found


def _costly(node: Node) -> bool:
    """Whether keeping the value is cheaper than working it out again."""
    if isinstance(node, (Macro, Bind)):
        return True
    if not isinstance(node, Call) or node.function in ("_&&_", "_||_", "!_"):
        return False
    return any(not isinstance(part, (Name, Literal)) for part in children(node)) or node.type != "bool"
