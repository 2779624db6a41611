"""Actions: what rules do by themselves, for those who carry it out."""

from pydantic import Field

from schemas.base import Model
from schemas.triggers import ActionKind


class EventRef(Model):
    """The event that a rule judged; for a rule that only a time fires, the timer."""

    source: str
    id: str
    type: str


class Action(Model):
    """One thing to do for one customer."""

    id: str
    """The same however often the event is folded: whoever carries actions out may drop what they have seen."""
    kind: ActionKind
    rule: str
    customer: str | None = None
    visitor: str | None = None
    channel: str | None = None
    """Of a nudge or a message."""
    placement: str | None = None
    list: str | None = None
    """The call list."""
    priority: int | None = None
    """Of an entry of a call list: higher ones first."""
    text: str = ""
    """The note of an entry, or what a nudge says."""
    content: dict[str, str] = {}
    """The texts of the treatment that a message carries, by part."""
    offer: str | None = None
    treatment: str | None = None
    code: str | None = None
    """The response code of a message: what comes back is told with it."""
    decision: str | None = None
    """The decision that chose the message."""
    at: str
    expires: str
    """Not to be carried out later."""
    event: EventRef
    policy: str
    """The revision whose rule it is."""


class ActionPage(Model):
    """Actions in the order in which they were taken, and where to go on."""

    actions: tuple[Action, ...]
    cursor: str
    """Give it as `after` to go on behind these. It is opaque."""
    more: bool = Field(description="Whether there is more to read at once.")
