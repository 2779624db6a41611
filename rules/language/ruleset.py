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
from dataclasses import dataclass
from typing import Any

from rules.language import python as py
from rules.language.generate import FACTS, Emitter
from rules.language.program import budget
from rules.language.required import conjuncts, is_plain
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
from rules.language.unknowns import inwards, needed_to_hold, tolerant

Collect = Callable[[Any, Callable[[int], None]], None]
"""Called with the facts and with what to call for every rule that holds."""

_ADD, _ERRORS = "add", "errors"
_DEPTH_MAX = 12


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the set: its number, the terms that are still to be tested, and the whole, asked
    carefully."""

    number: int
    terms: tuple[Node, ...]
    carefully: Callable[[Any], object]


def collector(rules: Sequence[Rule]) -> Collect:
    """One function for these rules."""
    return _Writer(rules).function()


class _Writer:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [_guarded(rule) for rule in rules]
        self._names = py.Globals()
        self._names.values[_ERRORS] = (*ERRORS, NameError)  # a name that was not known is not bound
        self._variables: dict[Name, str] = {}
        self._flags: dict[str, str] = {}
        self._emitter = Emitter(self._names, read=self._variable, known=self._flag)
        self._emitter.shared = {node: f"s{at}" for at, node in enumerate(_repeated(self._rules))}

    def function(self) -> Collect:
        body = self._group(self._rules, 0)
        start: list[ast.stmt] = [
            py.assign(name, self._names.constant(None)) for name in self._emitter.shared.values()
        ]
        if self._emitter.uses_budget:
            start.append(budget(self._names))
        return self._names.function(py.definition("rules", [FACTS, _ADD], [*start, *self._reads(), *body]))

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


def _guarded(rule: Rule) -> Rule:
    """The rule with a test, before all others, that what it needs is known: cheaper than to fail for it."""
    terms = [side for term in rule.terms for side in conjuncts(inwards(term))]
    known = frozenset().union(*map(needed_to_hold, terms))
    guards = tuple(Known("bool", name) for name in sorted(known))
    tested = (tolerant(term, known) for term in terms)
    return Rule(rule.number, tuple(dict.fromkeys((*guards, *tested))), rule.carefully)


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
