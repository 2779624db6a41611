"""Interactions: CloudEvents 1.0 at the edge, a small frozen value inside.

`type` names an interaction type of the policy, `source` the touchpoint, `subject` the customer. The extension
attributes `visitor` (instead of `subject`, for somebody anonymous) and `channel` are ours.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from schemas.base import Model, Name, SubjectId, at_ms, rfc3339

IDENTIFY = "identify"
"""The built-in interaction that sets attributes."""
SESSION_ENDED = "session_ended"
"""The built-in interaction that sums a session up when it has ended."""
TIMER_FIRED = "timer_fired"
"""The built-in interaction that says that a timer is due; `data.timer` is its name."""
LONGEST_ID = 200
OUR_OWN = frozenset((SESSION_ENDED, TIMER_FIRED))
"""What nobody else may send."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """Something a customer did, or that happened to them: one immutable event."""

    id: str
    source: str
    type: str
    subject: str
    """`customer:<id>` or `visitor:<id>`."""
    channel: str
    at_ms: int
    data: dict[str, Any]
    policy: str | None = None
    """The revision that has typed it; None while nobody has."""

    @property
    def identity(self) -> str:
        """What makes two events the same one (CloudEvents 1.0: `source` and `id` together)."""
        return f"{self.source}#{self.id}"


class CloudEvent(Model):
    """A CloudEvent in the JSON format. Extension attributes that we do not know are accepted and dropped."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

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
    def _one_subject(self) -> "CloudEvent":
        subject_of(self.subject, self.visitor, customer_field="subject")
        if self.data_base64 is not None:
            raise ValueError("send `data` as a JSON object; `data_base64` is not taken")
        return self


def subject_of(customer: str | None, visitor: str | None, customer_field: str = "customer") -> str:
    """The internal name of a customer or visitor. Raises ValueError unless exactly one is given."""
    if (customer is None) == (visitor is None):
        raise ValueError(f"give either `{customer_field}` (a customer) or `visitor` (somebody anonymous)")
    return f"customer:{customer}" if customer is not None else f"visitor:{visitor}"


def from_cloud_event(event: CloudEvent, received_ms: int) -> Interaction:
    """`received_ms` stands in for a time that is left out; a channel that is left out stays empty."""
    return Interaction(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=subject_of(event.subject, event.visitor),
        channel=event.channel or "",
        at_ms=at_ms(event.time) if event.time else received_ms,
        data=event.data,
        policy=event.policy,
    )


def to_cloud_event(interaction: Interaction) -> dict[str, Any]:
    """The structured-mode JSON that stands in the log."""
    kind, _, name = interaction.subject.partition(":")
    return {
        "specversion": "1.0",
        "id": interaction.id,
        "source": interaction.source,
        "type": interaction.type,
        "subject" if kind == "customer" else "visitor": name,
        **({"channel": interaction.channel} if interaction.channel else {}),
        "time": rfc3339(interaction.at_ms),
        "data": interaction.data,
        **({} if interaction.policy is None else {"policy": interaction.policy}),
    }


class Refusal(Model):
    """One event of a batch that was not accepted."""

    index: int
    id: str | None
    reason: str
    hint: str | None = None


class Accepted(Model):
    accepted: int
    refused: tuple[Refusal, ...] = ()
