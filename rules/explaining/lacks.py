"""What a condition lacks, down to the facts: where it is a segment, what the segment follows from is said too."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rules.classes import SEGMENTS
from rules.language import Expression, Lack, Lacking, Lacks, lacking
from rules.ruleset import RuleSet


def lacks(condition: Expression, values: Mapping[str, Any], ruleset: RuleSet, wanted: bool = True) -> Lacking | None:
    """None if the condition is what is wanted of it for these values, which are classified."""
    found = lacking(condition, values, wanted)
    return None if found is None else _deeper(found, values, ruleset)


def _deeper(found: Lacking, values: Mapping[str, Any], ruleset: RuleSet) -> Lacking:
    if isinstance(found, Lacks):
        return replace(found, parts=tuple(_deeper(part, values, ruleset) for part in found.parts))
    segment = ruleset.classes.segments.get(str(found.bound)) if found.subject == SEGMENTS else None
    if segment is None or found.relation not in ("with", "without"):
        return found
    return Lack(
        found.subject,
        found.value,
        found.relation,
        found.bound,
        found.reads,
        follows=lacking(segment, values, wanted=found.relation == "with"),
    )
