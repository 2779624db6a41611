"""Data quality: what the policy expects of attributes, counted over the rows of a load."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from profiles.fields import fact
from rules.language import Condition, EvaluationError
from rules.ruleset import RuleSet
from schemas.load import ExpectationCount, Quality
from schemas.observed import FieldType


class Counting:
    """Goes on from what an earlier part of the load has counted. `now`: when the load began."""

    def __init__(self, types: Mapping[str, FieldType], rules: RuleSet, now: datetime, so_far: Quality) -> None:
        self._now = now
        self._rows = so_far.rows
        self._filled = {name: so_far.filled.get(name, 0) for name in types}
        expected = rules.policy.quality
        self._conditions = {name: rules.quality[name] for name in expected if expected[name].attribute in types}
        asked = frozenset().union(*(each.reads for each in self._conditions.values()))
        self._kinds = {name: each.type for name, each in types.items() if f"customer.{name}" in asked}
        """Of the attributes that any expectation asks for."""
        self._attributes = {name: expected[name].attribute for name in self._conditions}
        self._failed = dict.fromkeys(self._conditions, 0)
        self._unknown = dict.fromkeys(self._conditions, 0)
        for name in self._conditions.keys() & so_far.expectations.keys():
            self._failed[name] = so_far.expectations[name].failed
            self._unknown[name] = so_far.expectations[name].not_evaluable

    def take(self, attributes: Mapping[str, Any]) -> None:
        """Counts the attributes of one accepted row."""
        self._rows += 1
        for name in attributes:
            self._filled[name] += 1
        if self._conditions:
            known = self._kinds.keys() & attributes.keys()
            facts = {f"customer.{name}": fact(attributes[name], self._kinds[name]) for name in known}
            facts["now"] = self._now
            for name, condition in self._conditions.items():
                self._judge(name, condition, facts)

    def _judge(self, name: str, condition: Condition, facts: Mapping[str, Any]) -> None:
        verdict = condition.verdict(facts)
        if isinstance(verdict, EvaluationError):
            self._unknown[name] += 1
        elif not verdict:
            self._failed[name] += 1

    def counted(self) -> Quality:
        expectations = {
            name: ExpectationCount(attribute=attribute, failed=self._failed[name], not_evaluable=self._unknown[name])
            for name, attribute in self._attributes.items()
        }
        return Quality(rows=self._rows, filled=dict(self._filled), expectations=expectations)
