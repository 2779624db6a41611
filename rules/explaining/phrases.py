"""What is lacking, as it may be said to the customer: "your age would have to be at least 18 (it is 17)".

Promises None rather than half of the truth: where all of several parts would have to change and the policy has no
wording for one of them, nothing is said; of alternatives those are said that have one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rules.language import EvaluationError, Lack, Lacking

WOULD_BE = {
    "==": "{fact} would have to be {bound}",
    "!=": "{fact} must not be {bound}",
    "<": "{fact} would have to be below {bound}",
    "<=": "{fact} would have to be at most {bound}",
    ">": "{fact} would have to be above {bound}",
    ">=": "{fact} would have to be at least {bound}",
    "one_of": "{fact} would have to be one of {bound}",
    "none_of": "{fact} must not be one of {bound}",
    "with": "{fact} would have to contain {bound}",
    "without": "{fact} must not contain {bound}",
    "true": "we would need {fact}",
    "false": "{fact} stands against it",
    "known": "we would need to know {fact}",
}
OF_TIMES = {"<": "before {bound}", "<=": "on or before {bound}", ">": "after {bound}", ">=": "on or after {bound}"}
SAYS_ALL = ("true", "false", "known", "unknown")


def phrase(found: Lacking, wording: Mapping[str, str], zone: ZoneInfo) -> str | None:
    if isinstance(found, Lack):
        return _one(found, wording, zone) if found.follows is None else phrase(found.follows, wording, zone)
    said = [each for part in found.parts if (each := phrase(part, wording, zone)) is not None]
    if not said or (found.is_all and len(said) < len(found.parts)):
        return None
    return (", and " if found.is_all else ", or ").join(dict.fromkeys(said))


def _one(lack: Lack, wording: Mapping[str, str], zone: ZoneInfo) -> str | None:
    """Only of a fact as it is: what is worked out from it has no words."""
    fact = wording.get(lack.subject)
    if fact is None or lack.relation not in WOULD_BE or lack.reads - {lack.subject, "now"}:
        return None
    is_unknown = isinstance(lack.value, EvaluationError)
    if lack.relation == "false" and is_unknown:
        return f"we would need to know {fact}"
    said = _would_be(lack, fact, _said(lack.bound, zone))
    if lack.relation in SAYS_ALL:
        return said
    return f"{said} ({'we do not know it' if is_unknown else f'it is {_said(lack.value, zone)}'})"


def _would_be(lack: Lack, fact: str, bound: str) -> str:
    if isinstance(lack.bound, datetime) and lack.relation in OF_TIMES:
        return f"{fact} would have to be {OF_TIMES[lack.relation].format(bound=bound)}"
    return WOULD_BE[lack.relation].format(fact=fact, bound=bound)


def _said(value: object, zone: ZoneInfo) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.2f}".rstrip("0").rstrip(".")
        case int():
            return f"{value:,}"
        case datetime():
            there = value.astimezone(zone)
            return f"{there.day} {there:%B %Y}"
        case timedelta():
            return _span(value)
        case list():
            return ", ".join(_said(each, zone) for each in value) or "nothing"
    return str(value)


def _span(value: timedelta) -> str:
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        amount = value.total_seconds() / seconds
        if amount >= 1:
            return f"{amount:g} {unit}" if amount == 1 else f"{amount:g} {unit}s"
    return f"{value.total_seconds():g} seconds"
