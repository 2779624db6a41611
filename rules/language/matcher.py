"""Many conditions against one set of facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.language.condition import Condition


class Matcher:
    """A fixed list of conditions; `hits` says which of them hold."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._conditions = tuple(conditions)

    def hits(self, facts: Mapping[str, object]) -> list[int]:
        """The indexes of the conditions that hold, ascending."""
        return [index for index, condition in enumerate(self._conditions) if condition.holds(facts)]
