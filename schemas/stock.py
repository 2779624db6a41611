"""Of what there is only so much for all customers together: an offer's inventory, a campaign's budget.

Amounts are whole numbers: units of an offer, or millionths of the policy's currency, so that sums are exact.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from schemas.base import DurationMs, Model
from schemas.short import Also

MICRO = 1_000_000
MOST_UNITS, MOST_AMOUNT = 1_000_000_000_000, 1_000_000_000
"""A double counts in millionths up to here without rounding: Redis computes in doubles within a script."""
HOLD_MS = 30 * 60_000
Confirm = Literal["presented", "accepted"]
"""What takes a reservation for good: an outcome of the class `impression`, or `positive`."""
CONFIRMING = {"presented": "impression", "accepted": "positive"}


class _Held(Model):
    confirm: Confirm = "presented"
    """An outcome of the class `impression` (`presented`) or `positive` (`accepted`) takes it for good."""
    hold: DurationMs = Field(default=HOLD_MS, json_schema_extra={"default": "30m"})
    """How long a decision reserves it without that outcome."""


class Inventory(_Held):
    """How often an offer can be made, to all customers together."""

    units: int = Field(ge=0, le=MOST_UNITS)


class Budget(_Held):
    """What the offers of a campaign may cost together."""

    amount: float = Field(ge=0, le=MOST_AMOUNT)
    """In the policy's currency."""


def _short(name: str) -> Any:
    def read(value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return {name: value} if is_number else value

    return BeforeValidator(read)


ShortInventory = Annotated[Inventory, _short("units"), Also({"type": "integer", "minimum": 0, "maximum": MOST_UNITS})]
ShortBudget = Annotated[Budget, _short("amount"), Also({"type": "number", "minimum": 0, "maximum": MOST_AMOUNT})]


class Taking(TypedDict):
    """What one treatment takes of one supply."""

    amount: int
    confirm: str
    """The class of the outcome that takes it for good."""
    hold_ms: int
    """0 where a treatment with which the proposal was made before holds it."""


def micro(amount: float) -> int:
    """Millionths of an authored amount."""
    return round(amount * MICRO)
