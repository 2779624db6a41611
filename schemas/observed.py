"""What a policy says of customers: the interactions that it knows, attributes, live features, visits, lifecycle."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.base import (
    UNIT_MS,
    Condition,
    DurationMs,
    Id,
    Model,
    Name,
)
from schemas.short import Also, OneOrMany
from schemas.windows import ShortWindow

FieldTypeName = Literal["string", "int", "double", "bool", "timestamp", "list<string>"]


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
