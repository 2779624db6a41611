"""The policy: all that the business authors, as YAML files of one folder.

Every file may hold any of the sections of `PolicyFile`; the loader joins them. The exported JSON Schema of
this model completes and validates the files in an editor.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.base import (
    UNIT_MS,
    Condition,
    DurationMs,
    DurationOrVisitEnd,
    Expression,
    FactName,
    Id,
    Model,
    Name,
    only_text,
)
from schemas.contact import Cap as Cap
from schemas.contact import ContactPolicy as ContactPolicy
from schemas.contact import CoolDown as CoolDown
from schemas.contact import OfferClass
from schemas.example import Example
from schemas.goals import Attribution, Goal
from schemas.interaction import TIMER_FIRED
from schemas.short import Also, OneOrMany
from schemas.stock import ShortBudget, ShortInventory
from schemas.triggers import Act, Timing, Trigger
from schemas.windows import ShortWindow

FieldTypeName = Literal["string", "int", "double", "bool", "timestamp", "list<string>"]
OutcomeClass = Literal["impression", "positive", "negative", "neutral"]


class FieldType(Model):
    """The type of a field of an interaction, of an attribute, or of the request's context."""

    type: FieldTypeName
    required: bool = False
    one_of: tuple[str, ...] = ()
    """The only values allowed (strings)."""
    min: float | None = None
    max: float | None = None
    description: str = ""


def _field_type(value: Any) -> Any:
    """`amount: double` is short for `{type: double}`; `amount: double!` for a required one."""
    if isinstance(value, str):
        return {"type": value.removesuffix("!"), "required": value.endswith("!")}
    return value


ShortFieldType = Annotated[
    FieldType,
    BeforeValidator(_field_type),
    Also({"type": "string", "pattern": r"^(string|int|double|bool|timestamp|list<string>)!?$"}),
]


IdentifierName = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9]{0,19}$", description="A CloudEvents attribute: lower-case letters and digits"),
]


class InteractionType(Model):
    """Something a customer can do, with the fields that it carries."""

    description: str = ""
    channel: Name | None = None
    """Where it happens, unless the interaction itself says so; `none`: on no channel, and in no visit."""
    fields: dict[Name, ShortFieldType] = {}
    sets: tuple[Name, ...] = ()
    """Fields copied into the customer's attributes of the same name."""


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


class Feature(Model):
    """A live aggregate over interactions. Exactly one of the aggregates is given.

    `count` and `rate` name interaction types; the others name a field of the event, with the types in `of`.
    """

    count: OneOrMany = ()
    rate: OneOrMany = ()
    """Interactions for each hour or day (`per`) of the window."""
    sum: str | None = None
    min: str | None = None
    max: str | None = None
    mean: str | None = None
    last: str | None = None
    first: str | None = None
    recent: str | None = None
    """The latest distinct values, newest first."""
    distinct: str | None = None
    """How many different values; exact up to `keep`, then `keep`: at least so many."""
    top: str | None = None
    """The most frequent values with their counts."""
    of: OneOrMany = ()
    window: ShortWindow = None
    """Without it, all time."""
    by: str | None = None
    """A field of the event: one value for each of its values, read as a map."""
    keys: int = Field(default=50, ge=1, le=200)
    """How many of them are kept with `by`: those with the latest events."""
    including_current: bool = True
    """Whether a rule that judges an event finds that event counted."""
    per: Literal["hour", "day"] = "day"
    """The unit of `rate`."""
    keep: int | None = Field(default=None, ge=1, le=100)
    """How many values `recent` (20), `distinct` (100) and `top` (5) keep."""
    description: str = ""

    @model_validator(mode="after")
    def _one_aggregate(self) -> "Feature":
        given = [name for name in AGGREGATES if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(AGGREGATES)}; this feature has {len(given)}")
        name = given[0]
        if name in OF_TYPES and self.of:
            raise ValueError(f"`{name}` already names the interaction types; leave out `of`")
        if name not in OF_TYPES and not self.of:
            raise ValueError(f"`{name}` needs `of`: the interaction types that it looks at")
        if name == "rate" and self.window is None:
            raise ValueError("`rate` needs a `window`: the time over which it is taken")
        if self.by and name in ("recent", "top"):
            raise ValueError(f"`{name}` already keeps several values; leave out `by`")
        return self

    @property
    def aggregate(self) -> str:
        return next(name for name in AGGREGATES if getattr(self, name))

    @property
    def field(self) -> str:
        """The event field that is aggregated, without `event.`; empty for counts and rates."""
        given = getattr(self, self.aggregate)
        return given.removeprefix("event.") if isinstance(given, str) else ""

    @property
    def types(self) -> tuple[str, ...]:
        return self.count or self.rate or self.of

    @property
    def kept(self) -> int:
        """`keep`, or what the aggregate keeps by itself."""
        return self.keep or KEPT.get(self.aggregate, 1)


AGGREGATES = ("count", "sum", "min", "max", "mean", "last", "first", "recent", "distinct", "top", "rate")
OF_TYPES = ("count", "rate")
KEPT = {"recent": 20, "distinct": 100, "top": 5}


class IdentifierKind(Model):
    """A kind of identifier by which customers are known, beside their own id and `visitor`."""

    description: str = ""


class SessionType(Model):
    """The visit in progress on one channel: it ends after `idle` without an interaction."""

    idle: DurationMs = Field(default=30 * 60_000, json_schema_extra={"default": "30m"})
    ends: OneOrMany = ()
    """Interaction types that end the visit on their channel at once."""
    features: dict[Name, Feature] = {}
    purposes: dict[Id, Condition] = {}
    """What the visit is for: the first whose condition holds."""


class Stage(Model):
    """A lifecycle stage: who is in it, and from where it may be entered."""

    condition: Condition = Field(alias="if")
    sources: OneOrMany = Field(default=(), alias="from")
    """The stages that it may be entered from, and `none` for who has no stage yet; any of them if left out."""


def _short_stage(value: Any) -> Any:
    """`growth: <condition>` is short for `growth: {if: <condition>}`."""
    return {"if": value} if isinstance(value, str) else value


ShortStage = Annotated[
    Stage,
    BeforeValidator(_short_stage),
    Also({"type": "string", "minLength": 1, "maxLength": 4_000}),
]


class Lifecycle(Model):
    review: DurationMs | None = None
    """A customer's stage is judged again so long after it was judged last, though nothing happens."""

    @model_validator(mode="after")
    def _seldom(self) -> "Lifecycle":
        if self.review is not None and self.review < UNIT_MS["h"]:
            raise ValueError("`review` is at least 1h; what happens is judged at once in any case")
        return self


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
