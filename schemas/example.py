"""Examples written beside the rules: given this history, when this happens, then these offers."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from schemas.base import DurationMs, Id, Model, Name
from schemas.triggers import ActionKind

StockName = Annotated[
    str,
    Field(pattern=r"^(offer|campaign):[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$", description="`offer:<id>` or `campaign:<id>`"),
]


class ExampleInteraction(Model):
    type: Id
    ago: DurationMs | None = None
    """How long before the example's moment; the interaction of `when` happens at it."""
    data: dict[str, Any] = {}


class ExampleResponse(Model):
    offer: Id
    outcome: Id
    ago: DurationMs


class Given(Model):
    attributes: dict[Name, Any] = {}
    tags: tuple[str, ...] = ()
    stage: Id | None = None
    """The stage on record when the question is asked."""
    interactions: tuple[ExampleInteraction, ...] = ()
    responses: tuple[ExampleResponse, ...] = ()
    cells: dict[Id, Id] = {}
    """The cell of a program, instead of the one that the hash assigns."""
    stock: dict[StockName, float] = {}
    """What is left of an inventory (`offer:<id>`) or a budget (`campaign:<id>`); all of it where it is not given."""
    held_out: bool = False
    """The customer is in the universal holdout; otherwise examples are about those who are not."""


class When(Model):
    at: AwareDatetime | None = None
    """The example's moment; the time of the check if left out."""
    channel: Name
    placement: Name
    count: int = Field(default=1, ge=1, le=50)
    interaction: ExampleInteraction | None = None
    context: dict[Name, Any] = {}


class ExampleAction(Model):
    rule: Id
    kind: ActionKind


class Then(Model):
    offers: tuple[Id, ...] | None = None
    """Exactly these, in this order."""
    withheld: tuple[Id, ...] | None = None
    reasons: dict[Id, str] = {}
    """Why an offer was left out."""
    stage: Id | None = None
    segments: tuple[Id, ...] | None = None
    """Exactly these, in any order."""
    purpose: Id | None = None
    """Of the visit on the channel of `when`."""
    actions: tuple[ExampleAction, ...] | None = None
    """Exactly these, in this order: what rules did from the first interaction of the example to its moment."""


class Example(Model):
    """A decision written down beside the rules: given this history, when this happens, then these offers."""

    name: str
    given: Given = Given()
    when: When
    then: Then
