"""In which order a rule set tests its terms: rules that share a term are nested under it.

Promises a plan, as data: every rule in it once, every shared term before the rules that need it. Leaves code
to `ruleset`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rules.language.required import conjuncts, is_plain
from rules.language.tree import Known, Node
from rules.language.unknowns import inwards, needed_to_hold, tolerant

_DEPTH_MAX = 12
"""Python allows some 20 blocks inside each other."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its number, the terms still to be tested, and its whole condition, to be asked carefully."""

    number: int
    terms: tuple[Node, ...]
    carefully: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Group:
    """What is tested only where the term is true."""

    term: Node
    parts: tuple[Group | Rule, ...]


def plan(rules: Sequence[Rule]) -> tuple[Group | Rule, ...]:
    """The rules, grouped; each first asks whether what it needs is known."""
    guarded = [_guarded(rule) for rule in rules]
    terms = list(dict.fromkeys(term for rule in guarded for term in rule.terms))
    numbers = {term: number for number, term in enumerate(terms)}  # a node is slow to hash
    waiting = [_Waiting(rule, tuple(numbers[term] for term in rule.terms)) for rule in guarded]
    shareable = frozenset(number for number, term in enumerate(terms) if is_plain(term))
    return _Planner(terms, shareable).parts(waiting, 0)


def _guarded(rule: Rule) -> Rule:
    """The rule with a test, before all others, that what it needs is known: cheaper than to fail for it."""
    terms = [side for term in rule.terms for side in conjuncts(inwards(term))]
    known = frozenset().union(*map(needed_to_hold, terms))
    guards = tuple(Known("bool", name) for name in sorted(known))
    tested = (tolerant(term, known) for term in terms)
    return Rule(rule.number, tuple(dict.fromkeys((*guards, *tested))), rule.carefully)


@dataclass(frozen=True, slots=True)
class _Waiting:
    rule: Rule
    terms: tuple[int, ...]


class _Planner:
    def __init__(self, terms: Sequence[Node], shareable: frozenset[int]) -> None:
        self._terms, self._shareable = terms, shareable

    def parts(self, rules: Sequence[_Waiting], level: int) -> tuple[Group | Rule, ...]:
        counts = Counter(term for rule in rules for term in rule.terms if term in self._shareable)
        parts: list[Group | Rule] = []
        while level < _DEPTH_MAX and counts:
            term, sharing = max(counts.items(), key=lambda item: item[1])
            if sharing < 2:
                break
            inside = [rule for rule in rules if term in rule.terms]
            rules = [rule for rule in rules if term not in rule.terms]
            for rule in inside:
                counts.subtract(number for number in rule.terms if number in self._shareable)
            left = [_Waiting(rule.rule, tuple(n for n in rule.terms if n != term)) for rule in inside]
            parts.append(Group(self._terms[term], self.parts(left, level + 1)))
        return (*parts, *(self._rest(rule) for rule in rules))

    def _rest(self, waiting: _Waiting) -> Rule:
        terms = tuple(self._terms[number] for number in waiting.terms)
        return Rule(waiting.rule.number, terms, waiting.rule.carefully)
