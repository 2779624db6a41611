"""Responses: an outcome that comes back for a response code."""

from decimal import Decimal

from pydantic import AwareDatetime, Field

from schemas.base import Id, Model
from schemas.policy import OutcomeClass


class ResponseRequest(Model):
    """What became of one treatment. Repeating it changes nothing."""

    code: str = Field(min_length=1, max_length=40)
    """As printed or spoken: case, spaces, dashes and look-alike letters do not matter."""
    outcome: Id
    amount: Decimal | None = Field(default=None, ge=0, max_digits=14, decimal_places=4)
    """What it was worth, in the policy's currency."""
    time: AwareDatetime | None = None
    """When it happened; the time of arrival if left out."""


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
    decision: str
    outcome: str
    outcomes: dict[str, OutcomeClass]
    """The outcome after all that it implies, each with its class, as the policy had it that took it in."""
    at_ms: int
    amount: int = 0
    """In ten-thousandths of the currency unit, so that sums are exact."""
