"""Interactions: CloudEvents 1.0 at the edge, a small frozen value inside.

`type` names an interaction type of the policy, `source` the touchpoint, `subject` the customer. The extension
attributes `visitor` (for somebody anonymous), one for each kind of identifier that the policy declares, and `channel`
are ours. An event that names several identifiers is about the strongest, and says that the others are theirs.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from schemas.base import Model, Name, SubjectId, at_ms, rfc3339
from schemas.identity import BUILT_IN_KINDS, CUSTOMER, VISITOR, named
from schemas.plain import NameText, SubjectText, Text, Time, taken

IDENTIFY = "identify"
"""The built-in interaction that sets attributes."""
SESSION_ENDED = "session_ended"
"""The built-in interaction that sums a session up when it has ended."""
STAGE_CHANGED = "stage_changed"
"""The built-in interaction that says that a customer has entered another lifecycle stage, on no channel."""
TAGGED, UNTAGGED = "tagged", "untagged"
"""The built-in interactions that give and take tags; a channel is not needed."""
TIMER_FIRED = "timer_fired"
"""The built-in interaction that says that a timer is due; `data.timer` is its name."""
LONGEST_ID = 200
OUR_OWN = frozenset((SESSION_ENDED, STAGE_CHANGED, TIMER_FIRED))
"""What nobody else may send. It says what follows from other interactions: nobody was seen by it, and no visit is
opened or prolonged."""
ANYWHERE = frozenset((IDENTIFY, STAGE_CHANGED, TAGGED, TIMER_FIRED, UNTAGGED))
"""What may happen on no channel."""

NOWHERE = "none"
"""As the channel of an interaction type: it happens on none, such as a bill, and belongs to no visit."""


class Interaction(Struct, frozen=True):
    """Something a customer did, or that happened to them: one immutable event."""

    id: str
    source: str
    type: str
    subject: str
    """The strongest identifier, such as `customer:<id>` or `visitor:<id>`."""
    channel: str
    """Empty for what comes from no touchpoint, such as a row of a load, or a type whose channel is `none`."""
    at_ms: int
    data: dict[str, Any]
    policy: str | None = None
    """The revision that has typed it; None while nobody has."""
    links: tuple[str, ...] = ()
    """Weaker identifiers that the event names too, strongest first: they belong to the subject."""

    @property
    def identity(self) -> str:
        """What makes two events the same one (CloudEvents 1.0: `source` and `id` together)."""
        return f"{self.source}#{self.id}"


FIELDS = {CUSTOMER: "subject"}
"""The attribute of an event that holds an identifier, where it is not called as its kind."""


class CloudEvent(Model):
    """A CloudEvent in the JSON format. Extension attributes that we do not know are accepted and dropped."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    specversion: Literal["1.0"]
    id: str = Field(min_length=1, max_length=LONGEST_ID)
    source: str = Field(min_length=1, max_length=200)
    type: str = Field(min_length=1, max_length=120)
    subject: SubjectId | None = None
    """The customer's id."""
    visitor: SubjectId | None = None
    """The visitor's id, for somebody not identified."""
    channel: Name | None = None
    policy: str | None = None
    """Set in the log: the policy revision that typed the event when it was accepted."""
    time: AwareDatetime | None = None
    """When it happened (RFC 3339); the time of arrival if left out."""
    data_base64: str | None = None
    datacontenttype: str | None = None
    data: dict[str, Any] = {}

    @model_validator(mode="after")
    def _about_somebody(self) -> "CloudEvent":
        if self.subject is None and self.visitor is None and not self.model_extra:
            raise ValueError("say whom this is about: `subject`, `visitor` or another identifier")
        if self.data_base64 is not None:
            raise ValueError("send `data` as a JSON object; `data_base64` is not taken")
        return self

    def identifiers(self, kinds: Iterable[str]) -> list[str]:
        """Those that the event names, strongest first. Raises ValueError if there is none, or one is malformed."""
        given = {**(self.model_extra or {}), CUSTOMER: self.subject, VISITOR: self.visitor}
        return named(given, kinds)


OTHERS = " others"
"""Where the struct finds the extension attributes; none has a name with a space."""


class Event(Struct, frozen=True):
    """A `CloudEvent`, checked as it is read (schemas/plain.py); `event_taken` makes it."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
    source: Text
    type: Annotated[str, Meta(min_length=1, max_length=120)]
    subject: SubjectText | None = None
    visitor: SubjectText | None = None
    channel: NameText | None = None
    policy: str | None = None
    time: Time | None = None
    data_base64: None = None
    datacontenttype: str | None = None
    data: dict[str, Any] = {}
    others: dict[str, Any] = field(name=OTHERS, default_factory=dict)
    """Extension attributes that we do not know by name."""

    def __post_init__(self) -> None:
        if self.subject is None and self.visitor is None and not self.others:
            raise ValueError("the model says why")

    def identifiers(self, kinds: Iterable[str]) -> list[str]:
        """As `CloudEvent.identifiers`."""
        return named({**self.others, CUSTOMER: self.subject, VISITOR: self.visitor}, kinds)


def event_taken(value: Any) -> Event | None:
    """None says that the model has to be asked."""
    if not isinstance(value, dict):
        return None
    others = {name: value[name] for name in value.keys() - CloudEvent.model_fields.keys()}
    return taken(Event, {**value, OTHERS: others} if others else value)


def from_cloud_event(
    event: CloudEvent | Event, received_ms: int, kinds: Iterable[str] = BUILT_IN_KINDS, subject: str | None = None
) -> Interaction:
    """`received_ms` stands in for a time that is left out; a channel that is left out stays empty. `subject`: whom the
    log has it under, where it stands there already. Raises ValueError if it is about nobody."""
    identifiers = event.identifiers(kinds) if subject is None else [subject, *event.identifiers(kinds)]
    subject, *links = dict.fromkeys(identifiers)
    return Interaction(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=subject,
        channel=event.channel or "",
        at_ms=at_ms(event.time) if event.time else received_ms,
        data=event.data,
        policy=event.policy,
        links=tuple(links),
    )


def to_cloud_event(interaction: Interaction) -> dict[str, Any]:
    """The structured-mode JSON that stands in the log."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": interaction.id,
        "source": interaction.source,
        "type": interaction.type,
    }
    for each in (interaction.subject, *interaction.links):
        kind, _, value = each.partition(":")
        event[FIELDS.get(kind, kind)] = value
    if interaction.channel:
        event["channel"] = interaction.channel
    event["time"] = rfc3339(interaction.at_ms)
    event["data"] = interaction.data
    if interaction.policy is not None:
        event["policy"] = interaction.policy
    return event


class Refusal(Model):
    """One event of a batch that was not accepted."""

    index: int
    id: str | None
    reason: str
    hint: str | None = None


class Accepted(Model):
    accepted: int
    refused: tuple[Refusal, ...] = ()
