"""What every schema here shares: strict pydantic models, identifiers, durations and points in time.

Inside Opportune a point in time is an integer number of milliseconds since the epoch (names end in `_ms`);
at the edges it is RFC 3339 text. A duration is authored as `30m`, `24h`, `90d` and kept in milliseconds.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DURATION = re.compile(r"^\s*(\d+)\s*(ms|s|m|h|d|w)\s*$")


class Model(BaseModel):
    """Unknown fields are refused: a misspelt one must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def duration_ms(value: object) -> int:
    """Milliseconds of an authored duration. Raises ValueError with what to write instead."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit, such as 30m, 24h or 90d")
    return int(match[1]) * UNIT_MS[match[2]]


TWO, THREE = [f"{each:02}" for each in range(60)], [f"{each:03}" for each in range(1_000)]


def at_ms(moment: datetime) -> int:
    """Milliseconds since the epoch; a time without a zone is taken as UTC."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND


def moment(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def rfc3339(ms: int) -> str:
    """As `datetime.isoformat` writes it, in a quarter of the time."""
    seconds, ms = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{_date(days)}T{TWO[hours]}:{TWO[minutes]}:{TWO[seconds]}.{THREE[ms]}Z"


@lru_cache(maxsize=1_000)
def _date(days: int) -> str:
    return (EPOCH + timedelta(days=days)).date().isoformat()


def only_text(value: Any) -> Any:
    """YAML turns `on`, `no` and `12` into other things; an identifier stays what the author wrote."""
    if isinstance(value, bool):
        raise ValueError("YAML reads this word as true or false; put it in quotes")  # noqa: TRY004 (pydantic)
    return str(value) if isinstance(value, int) else value


Id = Annotated[
    str,
    BeforeValidator(only_text, json_schema_input_type=str | int),
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$", description="Letters, digits, `-`, `_` and `.`"),
]
Name = Annotated[
    str,
    BeforeValidator(only_text),
    Field(pattern=r"^[a-z_][a-z0-9_]{0,63}$", description="Usable in conditions: lower case, digits, `_`"),
]
FactName = Annotated[
    str,
    Field(
        pattern=r"^(customer|session|context|event)\.[a-z_][a-z0-9_]{0,63}$",
        description="A fact as conditions name it, such as `customer.age`",
    ),
]
DurationMs = Annotated[
    int,
    BeforeValidator(duration_ms),
    Field(gt=0),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(ms|s|m|h|d|w)$", "examples": ["30m", "24h", "90d"]}),
]
VISIT_END = "session_end"
"""Instead of a duration: when the visit ends."""


def duration_or_visit_end(value: object) -> int | str:
    """Raises ValueError with what to write instead."""
    if value == VISIT_END:
        return VISIT_END
    try:
        span_ms = duration_ms(value)
    except ValueError as cause:
        raise ValueError(f"{cause}, or `{VISIT_END}`") from None
    if span_ms <= 0:
        raise ValueError(f"{value!r} is no time at all; write such as 30m, or `{VISIT_END}`")
    return span_ms


DurationOrVisitEnd = Annotated[
    int | Literal["session_end"],
    BeforeValidator(duration_or_visit_end),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^(\d+(ms|s|m|h|d|w)|{VISIT_END})$", "examples": ["30m", "3d", VISIT_END]}
    ),
]
Condition = Annotated[
    str,
    Field(min_length=1, max_length=4_000, description="A condition in CEL, such as `customer.age >= 60`"),
]
Expression = Annotated[
    str,
    Field(min_length=1, max_length=4_000, description="An expression in CEL, such as `customer.spend_90d * 0.4`"),
]
SubjectId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")]
