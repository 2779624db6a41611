"""What a policy makes of the facts before anything is decided: scores, segments, the purpose of the visit, the stage.

Promises judgements that depend on the facts alone, in this order, so that each may use those before it (a purpose uses
none of them). What cannot be evaluated is not known (a score) or does not hold (all others).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rules.language import Condition, Expression
from rules.lifecycle import StageEntry, next_stage
from rules.policy import Checked
from schemas.policy import Policy

SEGMENTS, STAGE, SINCE, BEFORE = (
    "customer.segments",
    "customer.stage",
    "customer.stage_since",
    "customer.previous_stage",
)
STARTED, PURPOSE = "session.started", "session.purpose"


@dataclass(frozen=True, slots=True)
class Classes:
    scores: Mapping[str, Expression]
    segments: Mapping[str, Condition]
    purposes: Mapping[str, Condition]
    stages: tuple[StageEntry, ...]

    @property
    def reads(self) -> frozenset[str]:
        """The facts that the judgements rest on. That of `customer.stage` is the stage on record."""
        more = ({STAGE, SINCE, BEFORE, "now"} if self.stages else set()) | ({STARTED} if self.purposes else set())
        asked: list[Expression] = [*self.scores.values(), *self.segments.values(), *self.purposes.values()]
        return _read_by([*asked, *(each.condition for each in self.stages)]) | more

    @property
    def adds(self) -> frozenset[str]:
        """The names of the judgements."""
        return frozenset((SEGMENTS, STAGE, SINCE, BEFORE, PURPOSE, *(f"customer.{name}" for name in self.scores)))

    def of_stages(self) -> "Classes":
        """Only what the stages need."""
        read = _read_by(each.condition for each in self.stages)
        segments = self.segments if SEGMENTS in read else {}
        read |= _read_by(segments.values())
        scores = {name: each for name, each in self.scores.items() if f"customer.{name}" in read}
        return Classes(scores, segments, {}, self.stages)

    def of_purposes(self) -> "Classes":
        """Only what the purposes need."""
        return Classes({}, {}, self.purposes, ())

    def classified(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with the judgements added, and the stage on record replaced by the one that it is now."""
        known = dict(values)
        for name, score in self.scores.items():
            value = score.value(known)
            if _is_number(value):
                known[f"customer.{name}"] = value
        known[SEGMENTS] = [name for name, each in self.segments.items() if each.holds(known)]
        purpose = self.purpose(known) if STARTED in known else None
        if purpose is not None:
            known[PURPOSE] = purpose
        return self._with_stage(known)

    def purpose(self, values: Mapping[str, Any]) -> str | None:
        """What the visit among the values is for; None if no purpose holds."""
        return next((name for name, each in self.purposes.items() if each.holds(values)), None)

    def _with_stage(self, known: dict[str, Any]) -> dict[str, Any]:
        """A stage on record that the policy does not have (any more) counts as none."""
        recorded = known.pop(STAGE, None)
        present = recorded if any(each.name == recorded for each in self.stages) else None
        if present is None:
            known.pop(SINCE, None)
        stage = next_stage(self.stages, present, known)
        if stage is None:
            return known
        known[STAGE] = stage
        if stage == recorded:
            return known
        entered = {SINCE: known.get("now"), BEFORE: recorded}
        return {name: value for name, value in {**known, **entered}.items() if value is not None}


def _read_by(expressions: Iterable[Expression]) -> frozenset[str]:
    return frozenset().union(*(each.reads for each in expressions))


def _is_number(value: object) -> bool:
    """Whether a score is known: a finite number (JSON has no others)."""
    return isinstance(value, int | float) and math.isfinite(value)


def classes_of(policy: Policy, checked: Checked) -> Classes:
    conditions = checked.conditions
    return Classes(
        scores={name: checked.scores[name] for name in policy.scores},
        segments={name: conditions["segments", name] for name in policy.segments},
        purposes={name: conditions["session", "purposes", name] for name in policy.session.purposes},
        stages=tuple(
            StageEntry(name, conditions["stages", name, "condition"], frozenset(stage.sources))
            for name, stage in policy.stages.items()
        ),
    )
