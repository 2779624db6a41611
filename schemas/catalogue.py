"""What a policy offers: campaigns with their programs and cells, offers with their treatments, placements."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from schemas.base import (
    Condition,
    Id,
    Model,
    Name,
    only_text,
)
from schemas.contact import OfferClass
from schemas.goals import Goal
from schemas.stock import ShortBudget, ShortInventory


class Conditions(Model):
    """Inherited downwards: campaign > program > cell > offer. All of them must hold."""

    eligible: Condition | None = None
    """May the customer have it?"""
    applicable: Condition | None = None
    """Is it relevant here and now?"""
    suitable: Condition | None = None
    """Is it good for the customer?"""


class Dated(Conditions):
    """Its days are inherited downwards as well: what is in it is live on days that all of them allow."""

    starts: date | None = None
    """First day, in the policy's time zone."""
    ends: date | None = None
    """Last day, included."""


class Treatment(Model):
    """How an offer is worded for one channel and placement."""

    id: Id
    channel: Name
    placement: Name
    language: str = "en"
    priority: int = Field(default=0, ge=-1000, le=1000)
    """Of several for one channel and placement the first by priority counts whose facts are all known."""
    content: dict[Name, str]
    """Texts by part: `script`, `title`, `body`, `image`, `link`… `{customer.name}` stands for a fact."""


class Offer(Dated):
    """What is proposed."""

    id: Id
    name: str
    kind: OfferClass = Field(default="standard", alias="class")
    category: Id | None = None
    """What kind of thing it is: caps, silences, black lists and diversity go by it."""
    bundle: tuple[Id, ...] = ()
    """The offers that it is made of: what they may not be made to, it may not either, and one answer has it or them."""
    exclusive_group: Id | None = None
    """At most one offer of a group is made in one answer."""
    purpose: Id | None = None
    """What consent it needs; that of its campaign if left out."""
    value: float = Field(default=1.0, gt=0)
    """What an acceptance is worth, in the policy's currency."""
    cost: float = Field(default=0.0, ge=0)
    """What making it costs, in the policy's currency: what it takes of its campaign's budget."""
    inventory: ShortInventory | None = None
    """How often it can be made, to all customers together; as often as one likes if left out."""
    lever: float = Field(default=0.0, ge=-90, le=900)
    """Percent by which the business pushes this offer."""
    always: bool = False
    """A candidate without any rule proposing it."""
    goal: Goal | None = None
    """What is to come of it: inferred from what the customer does. That of its cell or program if left out."""
    treatments: tuple[Treatment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _several_parts(self) -> "Offer":
        if self.bundle and (len(set(self.bundle)) < 2 or self.id in self.bundle):
            raise ValueError("`bundle` names two or more other offers")
        return self


CellCode = Annotated[
    str,
    BeforeValidator(only_text),
    Field(
        max_length=40,
        pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9])+$",
        description="Letters, digits and `-`, as printed, such as SPRING-A",
    ),
]


class Cell(Conditions):
    """A share of the audience that gets these offers, or is held out."""

    id: Id
    share: float = Field(gt=0, le=100)
    """Percent of the program's audience; the shares of a program add up to 100."""
    offers: tuple[Id, ...] = ()
    holdout: bool = False
    code: CellCode | None = None
    """Printed on what the cell sends out: with the customer it stands for the decision."""
    goal: Goal | None = None
    """Of its offers that have none themselves."""

    @model_validator(mode="after")
    def _offers_or_holdout(self) -> "Cell":
        if "offers" in self.model_fields_set and not self.offers and not self.holdout:
            raise ValueError("`offers` is empty: name the offers of this cell, or make it a `holdout: true`")
        if self.holdout == bool(self.offers):
            raise ValueError("a cell either names its `offers` or is a `holdout`")
        return self


class Program(Dated):
    """One tactic within a campaign."""

    id: Id
    name: str = ""
    lever: float = Field(default=0.0, ge=-90, le=900)
    goal: Goal | None = None
    """Of its offers where neither they nor their cells have one."""
    cells: tuple[Cell, ...] = Field(min_length=1)


class UniversalHoldout(Model):
    """Customers who get no `standard` offer of any campaign, so that the effect of all of them can be measured."""

    share: float = Field(gt=0, lt=100)
    """Percent of all customers."""
    id: Id = "universal"
    """Names this draw; with another id all customers are drawn anew."""


class PlacementSpec(Model):
    """A slot of the touchpoints."""

    default: Id | None = None
    """The offer that stands there when none is chosen, or nothing can be decided. Nothing is asked of the customer."""


class Issue(Model):
    """What campaigns are for, such as retention or sales: a group of campaigns that the business pushes as one."""

    description: str = ""
    lever: float = Field(default=0.0, ge=-90, le=900)
    """Percent, added to those of its campaigns, programs and offers."""


class Campaign(Dated):
    """A goal with a budget and dates."""

    id: Id
    name: str = ""
    goal: str = ""
    owner: str = ""
    issue: Id | None = None
    """What it is for: one of `issues`."""
    purpose: Id | None = None
    """What consent its offers need, where they do not say so themselves."""
    budget: ShortBudget | None = None
    """What its offers may cost together."""
    lever: float = Field(default=0.0, ge=-90, le=900)
    programs: tuple[Program, ...] = Field(min_length=1)
