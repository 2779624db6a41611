"""Checking the busiest calls while they are read, without pydantic.

Beside the models of pydantic that describe them stand structs of msgspec with the same fields (`Question` beside
`DecisionRequest`, `SentBack` beside `ResponseRequest`, `Event` beside `CloudEvent`). A struct takes less: whatever it
takes is valid for the model too and means the same. What it does not take the model is asked about, which takes it
after all or says what is wrong (docs/decisions/0050-the-hot-path.md). tests/schemas/test_plain.py holds the two
together.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, ValidationError, convert

RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
MOST_AMOUNT = 10**10
FINEST_AMOUNT = -4
"""The exponent of a ten-thousandth."""

Text = Annotated[str, Meta(min_length=1, max_length=200)]
NameText = Annotated[str, Meta(pattern=r"\A[a-z_][a-z0-9_]{0,63}\Z")]
SubjectText = Annotated[str, Meta(max_length=200, pattern=r"\A[^\s\x00-\x1f]+\Z")]
IdText = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z")]


class Time(datetime):
    """Of RFC 3339 text with a zone, to the microsecond."""


class Amount(Decimal):
    """Of a JSON number, in ten-thousandths at the finest."""


Taken = TypeVar("Taken", bound=Struct)


def taken(kind: type[Taken], value: Any) -> Taken | None:
    """The value of a JSON text as such a struct; None says that the model has to be asked."""
    try:
        return convert(value, kind, dec_hook=made)
    except ValidationError:
        return None


def made(kind: type, value: Any) -> Any:
    """Raises ValueError for what is left to the model."""
    if kind is Time and isinstance(value, str) and RFC3339.fullmatch(value):
        return Time.fromisoformat(value)
    if kind is Amount and type(value) in (int, float):
        amount = Amount(str(value))
        exponent = amount.as_tuple().exponent
        if 0 <= amount < MOST_AMOUNT and isinstance(exponent, int) and FINEST_AMOUNT <= exponent <= 0:
            return amount
    raise ValueError(f"no plain {kind.__name__}")
