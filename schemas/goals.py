"""Goals: what counts as the success of an offer without anybody sending its response code back."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import Condition, DurationMs, Id, Model
from schemas.contact import PRESENTED
from schemas.short import OneOrMany

AttributionModel = Literal["last", "first", "weighted"]

EventField = Annotated[
    str,
    Field(
        pattern=r"^event\.[a-z_][a-z0-9_]{0,63}$",
        description="A field of the event, such as `event.amount`",
    ),
]


class Goal(Model):
    """An interaction that an offer is for: it becomes an inferred outcome of the decisions before it."""

    when: OneOrMany = Field(min_length=1)
    """The interaction types that may meet it."""
    condition: Condition | None = Field(default=None, alias="if")
    """On `event.*` and `offer.*` alone, so that it does not matter when the event arrives."""
    within: DurationMs
    """How long after the decision, in event time."""
    outcome: Id
    """What is inferred."""
    amount: EventField | None = None
    """The field of the event that says what it was worth, in the policy's currency."""
    of: Id = PRESENTED
    """Which contacts it may be due to: those that were `presented` before it, all that were `decided` before it, or
    those that had an outcome before it, such as `clicked`. What was withheld counts as decided."""


class Attribution(Model):
    """To which decision a goal event is due that several of them were meant to bring about."""

    model: AttributionModel = "last"
    half_life: DurationMs | None = None
    """Of `weighted`: a decision that is older by so much weighs half; without it all weigh the same."""

    @model_validator(mode="after")
    def _of_weights(self) -> "Attribution":
        if self.half_life is not None and self.model != "weighted":
            raise ValueError("`half_life` is for `model: weighted`; leave it out")
        return self
