"""Responses: an outcome that comes back for a response code."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct
from pydantic import AwareDatetime, Field

from schemas.base import Id, Model, SubjectId
from schemas.plain import Amount, IdText, SubjectText, Time
from schemas.policy import OutcomeClass


class ResponseRequest(Model):
    """What became of one treatment. Repeating it changes nothing."""

    code: str = Field(min_length=1, max_length=40)
    """As printed or spoken: case, spaces, dashes and look-alike letters do not matter. With `customer` the printed code
    of a cell."""
    customer: SubjectId | None = None
    """Who answers to what a cell has sent out: it stands for the newest decision for this customer in that cell."""
    outcome: Id
    amount: Decimal | None = Field(default=None, ge=0, max_digits=14, decimal_places=4)
    """What it was worth, in the policy's currency."""
    time: AwareDatetime | None = None
    """When it happened; the time of arrival if left out."""


class SentBack(Struct, frozen=True, forbid_unknown_fields=True):
    """A `ResponseRequest`, checked as it is read (schemas/plain.py)."""

    code: Annotated[str, Meta(min_length=1, max_length=40)]
    outcome: IdText
    customer: SubjectText | None = None
    amount: Amount | None = None
    time: Time | None = None


class ResponseReceipt(Model):
    code: str
    decision: str
    offer: str
    outcome: str
    repeated: bool
    """True: this outcome was known already, and nothing was changed."""


class ResponseRecord(Model):
    """A response as it stands in the log."""

    code: str
    """Empty where `cell` says what it is about."""
    decision: str
    outcome: str
    outcomes: dict[str, OutcomeClass]
    """The outcome after all that it implies, each with its class, as the policy had it that took it in."""
    at_ms: int
    amount: int = 0
    """In ten-thousandths of the currency unit, so that sums are exact."""
    cell: tuple[str, str, str] | None = None
    """campaign, program and cell, of a printed code that came through Kafka: the fold finds the decision."""
    goal_event: str = ""
    """Of an inferred response: the goal event that it follows from. What is said last of a code, an outcome and an
    event counts."""
    share: int = 0
    """In ten-thousandths of that event; 0: what was said before is withdrawn."""
    folded: bool = False
    """An inferred response is folded in the commit that says it."""
