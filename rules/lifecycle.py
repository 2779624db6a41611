"""Lifecycle stages: which one a customer is in now, by the facts and by the stage before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rules.language import Condition

NONE = "none"
"""As a source: who has no stage yet, such as a customer whom a load has brought."""


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One entry of `stages`."""

    name: str
    condition: Condition
    sources: frozenset[str]
    """The stages that it may be entered from, `none` among them; empty: from any and from none."""

    def open_to(self, present: str | None) -> bool:
        """Whether somebody in that stage may be in this one next; to stay is always allowed."""
        return not self.sources or (present or NONE) in self.sources or present == self.name


def next_stage(stages: Iterable[StageEntry], present: str | None, values: Mapping[str, Any]) -> str | None:
    """The first stage, in the order of the policy, that is open to the customer and whose condition holds.

    Where none is, the present one stays. One judgement makes one step at most, and as long as the facts do not change
    each step leads to an earlier entry, so that nobody goes in circles.
    """
    found = (each.name for each in stages if each.open_to(present) and each.condition.holds(values))
    return next(found, present)
