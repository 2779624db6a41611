"""Rules that a time fires, compiled: what sets, replaces and cancels their timers, and what they ask when it comes.

Promises plain values to look up. Leaves the profiles that the timers stand in to `consumers.folding`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rules.anniversaries import next_after
from rules.language import Condition, Expression
from schemas.base import at_ms
from schemas.policy import Policy, Rule
from schemas.triggers import CalendarPeriod


@dataclass(frozen=True, slots=True)
class Timed:
    """A rule and its `if`."""

    rule: Rule
    condition: Condition | None

    def holds(self, values: Mapping[str, Any]) -> bool:
        return self.condition is None or self.condition.holds(values)


@dataclass(frozen=True, slots=True)
class After(Timed):
    """X, and then not Y within a time."""

    starting: frozenset[str]
    absent: frozenset[str]
    within_ms: int
    by: str
    """The field that both events share; empty for none."""


@dataclass(frozen=True, slots=True)
class At(Timed):
    """A moment that follows from the facts of the customer."""

    expression: Expression
    every: CalendarPeriod | None
    zone: ZoneInfo

    def due_ms(self, values: Mapping[str, Any], after_ms: int) -> int | None:
        """When it is due after a time; None if that is not known, or is over."""
        found = self.expression.value(values)
        if not isinstance(found, datetime):
            return None
        base_ms = at_ms(found)
        if self.every is None:
            return base_ms if base_ms > after_ms else None
        try:
            return next_after(base_ms, self.every, after_ms, self.zone)
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class Inactive(Timed):
    """Nothing from the customer for so long."""

    span_ms: int


@dataclass(frozen=True, slots=True)
class TimedRules:
    """By the rule's id."""

    after: Mapping[str, After]
    at: Mapping[str, At]
    inactive: Mapping[str, Inactive]
    listening: Mapping[str, tuple[After, ...]]
    """By interaction type: whose timers it sets or cancels."""

    @property
    def reads(self) -> frozenset[str]:
        """The names that moments follow from."""
        return frozenset[str]().union(*(each.expression.reads for each in self.at.values()))

    def __bool__(self) -> bool:
        return bool(self.after or self.at or self.inactive)


def compile_timed(
    policy: Policy,
    conditions: Mapping[tuple[str | int, ...], Condition],
    moments: Mapping[tuple[str | int, ...], Expression],
) -> TimedRules:
    zone = ZoneInfo(policy.policy.time_zone)
    after, at, inactive = dict[str, After](), dict[str, At](), dict[str, Inactive]()
    for index, rule in enumerate(policy.rules):
        timing, condition = rule.timing, conditions.get(("rules", index, "condition"))
        if timing is None:
            continue
        if timing.at is not None:
            at[rule.id] = At(rule, condition, moments["rules", index, "when", "at"], timing.every, zone)
        elif timing.starting:
            span_ms = timing.within or timing.inactive or 0
            by = (timing.by or "").removeprefix("event.")
            starting, absent = frozenset(timing.starting), frozenset(timing.absent)
            after[rule.id] = After(rule, condition, starting, absent, span_ms, by)
        else:
            inactive[rule.id] = Inactive(rule, condition, timing.inactive or 0)
    return TimedRules(after, at, inactive, _by_type(after.values()))


def _by_type(rules: Iterable[After]) -> dict[str, tuple[After, ...]]:
    found: dict[str, tuple[After, ...]] = {}
    for rule in rules:
        for each in rule.starting | rule.absent:
            found[each] = (*found.get(each, ()), rule)
    return found
