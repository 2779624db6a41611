"""What fires a rule by time, and what a rule does when it is fired."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, WrapValidator, model_validator

from schemas.base import Condition, DurationMs, Id, Model, Name
from schemas.short import Also, OneOrMany

CalendarPeriod = Literal["day", "week", "month", "year"]
ActionKind = Literal["call_list", "nudge", "message"]
FORMS = ("after", "at", "inactive")
KINDS: tuple[ActionKind, ...] = ("call_list", "nudge", "message")
DAY_MS = 86_400_000
LIFETIMES_MS: dict[ActionKind, int] = {"call_list": 7 * DAY_MS, "nudge": 900_000, "message": DAY_MS}
"""How long an action may be carried out, where its rule does not say."""


class Timing(Model):
    """A time that fires a rule. Exactly one of `after`, `at` and `inactive` is given."""

    after: OneOrMany = ()
    """Interaction types that set the timer; the newest of them counts."""
    absent: OneOrMany = ()
    """Interaction types that cancel it, if they happen within the time."""
    within: DurationMs | None = None
    """How long after the first the second must be missing."""
    by: str | None = None
    """A text field of the events: one timer for each of its values."""
    at: Condition | None = None
    """A point in time, as an expression over the customer's attributes and features."""
    every: CalendarPeriod | None = None
    """Fires again each year, month, week or day after that, by the clocks of the policy's time zone."""
    inactive: DurationMs | None = None
    """Nothing from this customer for so long."""
    of: OneOrMany = ()
    """With `inactive`: only these interaction types count."""

    @model_validator(mode="after")
    def _one_form(self) -> "Timing":
        given = [name for name in FORMS if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(FORMS)}; this has {len(given)}")
        form = given[0]
        if form == "after" and not (self.absent and self.within):
            raise ValueError("`after` needs `absent` and `within`: what is missing, and for how long")
        for name, belongs_to in (("absent", "after"), ("within", "after"), ("by", "after"), ("every", "at")):
            if getattr(self, name) and form != belongs_to:
                raise ValueError(f"`{name}` belongs to `{belongs_to}`")
        if self.of and form != "inactive":
            raise ValueError("`of` belongs to `inactive`")
        return self

    @property
    def starting(self) -> tuple[str, ...]:
        """The interaction types whose event the rule judges when the time has come."""
        return self.after or self.of


def _by_form(value: Any, handler: Any) -> Any:  # noqa: ARG001 (pydantic)
    """A mapping is a time, anything else names interaction types: findings then speak of one of them only."""
    if isinstance(value, dict):
        return Timing.model_validate(value)
    return value if isinstance(value, Timing) else TYPES.validate_python(value)


TYPES: TypeAdapter[tuple[str, ...]] = TypeAdapter(OneOrMany)
Trigger = Annotated[tuple[Id, ...] | Timing, WrapValidator(_by_form), Also({"type": "string"})]


class Act(Model):
    """What a rule does when it is fired. Exactly one of `call_list`, `nudge` and `message` is given."""

    call_list: Id | None = None
    """The list that gets an entry."""
    nudge: Name | None = None
    """The placement of an open desktop that gets a hint."""
    message: Name | None = None
    """The channel on which the customer gets a treatment, if the contact policy allows it."""
    channel: Name | None = None
    """Of a nudge, where its placement is on more than one."""
    placement: Name | None = None
    """Of a message."""
    priority: int = Field(default=50, ge=0, le=100)
    """Of an entry of a call list: higher ones first."""
    note: str = Field(default="", max_length=1_000)
    """Of an entry of a call list. `{event.amount}` stands for a fact."""
    text: str = Field(default="", max_length=1_000)
    """Of a nudge. `{customer.name}` stands for a fact."""
    at_most_once: DurationMs | None = None
    """Not again for so long after the last time."""
    lifetime: DurationMs | None = Field(default=None, alias="for")
    """How long it may be carried out: 7 d for a call list, 15 min for a nudge, 24 h for a message, if left out."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Act":
        given = [name for name in KINDS if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(KINDS)}; this action has {len(given)}")
        kind = given[0]
        if kind == "message" and not self.placement:
            raise ValueError("`message` needs a `placement`: which of the channel's treatments it may send")
        if kind == "nudge" and not self.text:
            raise ValueError("`nudge` needs a `text`")
        for name in self.model_fields_set & OF_KIND.keys():
            if OF_KIND[name] != kind:
                raise ValueError(f"`{name}` belongs to `{OF_KIND[name]}`")
        return self

    @property
    def kind(self) -> ActionKind:
        return next(name for name in KINDS if getattr(self, name))

    @property
    def lasts_ms(self) -> int:
        return self.lifetime or LIFETIMES_MS[self.kind]


OF_KIND = {"channel": "nudge", "text": "nudge", "placement": "message", "priority": "call_list", "note": "call_list"}
"""Fields that only one kind of action has."""
