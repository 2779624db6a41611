"""What is lacking, as part of an answer and in words: "customer.spend_90d is 82.5 → more than 100.0"."""

import math
from datetime import datetime, timedelta
from typing import Any

from rules.language import EvaluationError, Lack, Lacking
from rules.language.written import shown
from schemas.explanation import Change, Changes

WORDS = {
    "==": "{}",
    "!=": "anything but {}",
    "<": "less than {}",
    "<=": "at most {}",
    ">": "more than {}",
    ">=": "at least {}",
    "one_of": "one of {}",
    "none_of": "none of {}",
    "with": "with {}",
    "without": "without {}",
    "unknown": "not known",
}
UNITS = (("h", 3_600), ("m", 60), ("s", 1))
OF_TIMES = {"<": "before {}", "<=": "{} or before", ">": "after {}", ">=": "{} or later"}


def change(found: Lacking | None) -> Change | Changes | None:
    if found is None:
        return None
    if isinstance(found, Lack):
        return _one(found)
    parts = tuple(each for part in found.parts if (each := change(part)) is not None)
    return Changes(how="all" if found.is_all else "any", of=parts, text=in_words(found))


def in_words(found: Lacking | None) -> str:
    """In one line; alternatives inside a list are put in brackets."""
    if found is None:
        return ""
    if isinstance(found, Lack):
        return _alone(found) + (f" ({in_words(found.follows)})" if found.follows else "")
    parts = [in_words(part) if isinstance(part, Lack) else f"({in_words(part)})" for part in found.parts]
    return (", and " if found.is_all else ", or ").join(parts)


def _alone(lack: Lack) -> str:
    return f"{lack.subject} is {_now(lack)} → {wanted(lack)}"


def wanted(lack: Lack) -> str:
    """What it would have to be."""
    words = OF_TIMES if isinstance(lack.bound, datetime) and lack.relation in OF_TIMES else WORDS
    return words.get(lack.relation, lack.relation).format(_shown(lack.bound))


def as_json(value: object) -> Any:
    """As it would stand in a record; what JSON cannot say is written as an author would."""
    match value:
        case bool() | str() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else shown(value)
        case datetime() | timedelta() | bytes():
            return shown(value)
        case list():
            return [as_json(each) for each in value]
        case dict():
            return {str(name): as_json(each) for name, each in value.items()}
    return shown(value)


def _shown(value: object) -> str:
    """A duration in the largest unit of CEL that fits: 720h."""
    if not isinstance(value, timedelta):
        return shown(value)
    seconds = value.total_seconds()
    unit, size = next(((unit, size) for unit, size in UNITS if seconds and seconds % size == 0), ("s", 1))
    return f"{seconds / size:g}{unit}"


def _one(lack: Lack) -> Change:
    is_known = not isinstance(lack.value, EvaluationError)
    return Change(
        fact=lack.subject,
        is_known=is_known,
        value=as_json(lack.value) if is_known else None,
        relation=lack.relation,
        bound=as_json(lack.bound),
        follows=change(lack.follows),
        text=_alone(lack),
    )


def _now(lack: Lack) -> str:
    if not isinstance(lack.value, EvaluationError):
        return _shown(lack.value)
    return "not known" if lack.value.message.endswith("is not known") else f"an error ({lack.value.message})"
