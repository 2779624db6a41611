"""The policy: all that the business authors, as YAML files of one folder.

Every file may hold any of the sections of `PolicyFile`; the loader joins them. The exported JSON Schema of
this model completes and validates the files in an editor.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import (
    Condition,
    DurationMs,
    DurationOrVisitEnd,
    Expression,
    FactName,
    Id,
    Model,
    Name,
)
from schemas.catalogue import Campaign, Issue, Offer, PlacementSpec, UniversalHoldout
from schemas.contact import Cap as Cap
from schemas.contact import ContactPolicy as ContactPolicy
from schemas.contact import CoolDown as CoolDown
from schemas.example import Example
from schemas.goals import Attribution
from schemas.interaction import TIMER_FIRED
from schemas.observed import (
    Feature,
    IdentifierKind,
    IdentifierName,
    InteractionType,
    Lifecycle,
    SessionType,
    ShortFieldType,
    ShortStage,
)
from schemas.short import OneOrMany
from schemas.triggers import Act, Timing, Trigger

OutcomeClass = Literal["impression", "positive", "negative", "neutral"]


class HandOver(Model):
    """The offer waits for the customer on other channels, as the same proposal."""

    to: OneOrMany = Field(min_length=1)
    """Channels."""
    lasting: DurationMs = Field(alias="for")
    """After the outcome, until it is answered."""
    counts: bool = False
    """Whether what is made there is a contact of its own for caps; otherwise it is the same."""


class Outcome(Model):
    """What may come back for a response code."""

    # `class` is the field's standard word and a keyword of Python
    kind: OutcomeClass = Field(alias="class")
    implies: tuple[Id, ...] = ()
    """Outcomes that must have happened before: an accepted offer was presented."""
    ends: bool = False
    """No answer is awaited any more. What comes all the same, such as a complaint after a yes, counts too."""
    after: dict[Name, DurationOrVisitEnd] = {}
    """By channel: it happens by itself if no answer has come for so long after the decision; with `session_end` when
    the visit on that channel ends, if it was neither presented nor answered."""
    hand_over: HandOver | None = None
    """Such as of `link_sent`: the offer waits elsewhere."""


class Rule(Model):
    """If the customer does X, offer Y."""

    id: Id
    when: Trigger = ()
    """What fires it: interaction types, or a time; without any it is asked at every decision."""
    condition: Condition | None = Field(default=None, alias="if")
    propose: OneOrMany = Field(default=(), min_length=1)
    """May be left out where there is `act`."""
    channels: OneOrMany = Field(default=(), alias="on")
    """Channels on which the proposal counts; all if empty."""
    lifetime: DurationMs | None = Field(default=None, alias="for")
    """How long a proposal fired by an interaction or a time waits for the next contact."""
    boost: float = Field(default=1.0, ge=0.1, le=10)
    act: tuple[Act, ...] = ()
    """What it does when it is fired."""

    @property
    def types(self) -> tuple[str, ...]:
        """The interaction types that fire it at once."""
        return self.when if isinstance(self.when, tuple) else ()

    @property
    def timing(self) -> Timing | None:
        return self.when if isinstance(self.when, Timing) else None

    @property
    def judged_types(self) -> tuple[str, ...]:
        """The interaction types whose event it looks at."""
        return self.types or (self.when.starting or (TIMER_FIRED,) if isinstance(self.when, Timing) else ())


class Arbitration(Model):
    """score = propensity^exponent × value × context × levers; a factor can be switched off."""

    propensity_exponent: float = Field(default=1.0, ge=0, le=5)
    value: bool = True
    context: bool = True
    levers: bool = True
    at_most_per_category: int | None = Field(default=None, ge=1)
    """Diversity: so many offers of one category in one answer. Offers without a category are not held to it."""


class Expectation(Model):
    """What a value that comes with a load is expected to be. It is counted, and refuses nothing."""

    attribute: Name
    """The attribute that the count is about."""
    expect: Condition
    """Judged on the attributes of one row, and `now`."""
    description: str = ""


class PolicyHeader(Model):
    name: Id
    description: str = ""
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    time_zone: str = "UTC"
    customer_language: Name | None = None
    """The attribute with the customer's language, as treatments give theirs: theirs is preferred."""


class PolicyFile(Model):
    """One file of a policy folder. Sections of the same kind in several files are joined."""

    policy: PolicyHeader | None = None
    interactions: dict[Id, InteractionType] = {}
    outcomes: dict[Id, Outcome] = {}
    identifiers: dict[IdentifierName, IdentifierKind] = {}
    """Ranked, the strongest first: what is said of a weaker one belongs to the stronger one that it is named with."""
    attributes: dict[Name, ShortFieldType] = {}
    features: dict[Name, Feature] = {}
    session: SessionType | None = None
    context: dict[Name, ShortFieldType] = {}
    """What a request may say about the moment, as `context.*`."""
    segments: dict[Id, Condition] = {}
    scores: dict[Name, Expression] = {}
    """Numbers about a customer, as `customer.*`."""
    stages: dict[Id, ShortStage] = {}
    """Lifecycle stages; the first whose condition holds, and that may be entered, is the customer's."""
    lifecycle: Lifecycle | None = None
    issues: dict[Id, Issue] = {}
    holdout: UniversalHoldout | None = None
    """Over all campaigns, beside the holdouts of their programs."""
    campaigns: tuple[Campaign, ...] = ()
    placements: dict[Name, PlacementSpec] = {}
    offers: tuple[Offer, ...] = ()
    rules: tuple[Rule, ...] = ()
    contact_policy: ContactPolicy | None = None
    arbitration: Arbitration | None = None
    attribution: Attribution | None = None
    """To which decisions goal events are due."""
    wording: dict[FactName, Annotated[str, Field(min_length=1, max_length=200)]] = {}
    """How agents may speak of a fact to the customer: `customer.age: your age`. What has no wording is never named."""
    quality: dict[Id, Expectation] = {}
    """Data quality: what `opportune load` counts for each attribute."""
    examples: tuple[Example, ...] = ()


class Policy(PolicyFile):
    """A whole policy: every file of the folder joined, with the defaults filled in."""

    policy: PolicyHeader
    session: SessionType = SessionType()
    lifecycle: Lifecycle = Lifecycle()
    contact_policy: ContactPolicy = ContactPolicy()
    arbitration: Arbitration = Arbitration()
    attribution: Attribution = Attribution()
