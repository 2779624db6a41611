"""Many conditions against one set of facts, indexed on what they demand.

Promises that rules for other events, channels or stages cost nothing: a field that many conditions demand a
value of (`event.type == "purchase"`, `context.channel in ["web", "app"]`) becomes a table from value to the
rules that want it, level by level. Which fields are worth a table follows from the conditions themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from rules.language.condition import Condition
from rules.language.grouping import Rule
from rules.language.required import conjuncts, demand_of
from rules.language.ruleset import Collect, collector
from rules.language.tree import Node

_GAIN_MIN = 8
"""A table must spare this many rules; below that, testing them is as cheap."""
_COPIES_MAX = 4
"""A rule stands in the table once for every value it allows; on average at most so often."""
_LEVELS_MAX = 5
_TOGETHER_MAX = 400
"""Rules in one generated function: beyond that, compiling it takes more than its share."""


class Matcher:
    """A fixed list of conditions; `hits` says which of them hold. Immutable; threads may share it."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        rules = [_rule(number, condition) for number, condition in enumerate(conditions) if condition.generated]
        self._collect = _indexed(rules, 0)
        self._delegated = [
            (number, condition) for number, condition in enumerate(conditions) if not condition.generated
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """What is generated goes along (app/crossing.py)."""
        return _again, (self._collect, self._delegated)

    def hits(self, facts: Mapping[str, object]) -> list[int]:
        """The indexes of the conditions that hold, ascending."""
        found: list[int] = []
        self._collect(facts, found.append)
        found += [number for number, condition in self._delegated if condition.holds(facts)]
        found.sort()
        return found


def _again(collect: Collect, delegated: list[tuple[int, Condition]]) -> Matcher:
    made = Matcher(())
    made._collect, made._delegated = collect, delegated
    return made


def _rule(number: int, condition: Condition) -> Rule:
    return Rule(number, tuple(dict.fromkeys(conjuncts(condition.tree))), condition.carefully)


def _indexed(rules: Sequence[Rule], level: int) -> Collect:
    field = _worth_a_table(rules) if level < _LEVELS_MAX else None
    if field is None:
        return _in_turn([collector(rules[at : at + _TOGETHER_MAX]) for at in range(0, len(rules), _TOGETHER_MAX)])
    rest, table = _by_value(rules, field)
    branches = {value: _indexed(wanting, level + 1) for value, wanting in table.items()}
    return partial(_looked_up, field, branches, _indexed(rest, level + 1) if rest else None)


def _worth_a_table(rules: Sequence[Rule]) -> str | None:
    """The field whose table spares most rules, if any spares enough."""
    demanding: Counter[str] = Counter()
    copies: Counter[str] = Counter()
    values: dict[str, set[object]] = {}
    for rule in rules:
        for name, allowed in _demands(rule).items():
            demanding[name] += 1
            copies[name] += len(allowed)
            values.setdefault(name, set()).update(allowed)
    spared = {
        name: count - copies[name] / len(values[name])
        for name, count in demanding.items()
        if values[name] and copies[name] <= _COPIES_MAX * count
    }
    best = max(spared, key=lambda name: (spared[name], name), default=None)
    return best if best is not None and spared[best] >= _GAIN_MIN else None


def _demands(rule: Rule) -> dict[str, frozenset[object]]:
    """For each field, the values that all the rule's demands on it allow."""
    allowed: dict[str, frozenset[object]] = {}
    for term in rule.terms:
        if demand := demand_of(term):
            allowed[demand.name] = allowed.get(demand.name, demand.values) & demand.values
    return allowed


def _by_value(rules: Sequence[Rule], field: str) -> tuple[list[Rule], dict[object, list[Rule]]]:
    """The rules that do not demand the field, and for each value those that allow it."""
    rest: list[Rule] = []
    table: dict[object, list[Rule]] = {}
    for rule in rules:
        allowed = _demands(rule).get(field)
        if allowed is None:
            rest.append(rule)
            continue
        met = Rule(rule.number, tuple(term for term in rule.terms if not _about(term, field)), rule.carefully)
        for value in allowed:
            table.setdefault(value, []).append(met)
    return rest, table


def _about(term: Node, field: str) -> bool:
    demand = demand_of(term)
    return demand is not None and demand.name == field


def _in_turn(parts: list[Collect]) -> Collect:
    return parts[0] if len(parts) == 1 else partial(_each, parts)


def _each(parts: list[Collect], facts: Mapping[str, object], add: Callable[[int], None]) -> None:
    for part in parts:
        part(facts, add)


def _looked_up(
    field: str,
    branches: Mapping[object, Collect],
    rest: Collect | None,
    facts: Mapping[str, object],
    add: Callable[[int], None],
) -> None:
    if rest is not None:
        rest(facts, add)
    if field in facts and (branch := branches.get(facts[field])) is not None:
        branch(facts, add)
