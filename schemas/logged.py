"""Interactions as they stand in the log, read fast where we wrote them ourselves, or somebody else did likewise.

What is written about one identifier is read by msgspec in a fraction of the time that pydantic takes. This form is the
narrower one: it takes nothing that `CloudEvent` refuses, and leaves all else, right or wrong, to that model, which has
the last word and the errors.
"""

from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from schemas.base import at_ms
from schemas.identity import CUSTOMER, VISITOR
from schemas.interaction import Interaction
from schemas.plain import Time, made

INT64 = 2**63
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Int64 = Annotated[int, msgspec.Meta(ge=-INT64, le=INT64 - 1)]
FieldValue = str | Int64 | float | bool | list[str] | None
"""What a typed field may hold (profiles/fields.py)."""


class PlainEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to_cloud_event` of an interaction without links."""

    specversion: Literal["1.0"]
    id: ShortText
    source: ShortText
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    time: Time
    data: dict[str, FieldValue]
    channel: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    policy: str | None = None
    subject: ShortText | None = None
    visitor: ShortText | None = None

    def identifier(self) -> str | None:
        """None where it takes a closer look."""
        name = self.subject or self.visitor
        if name is None or (self.subject and self.visitor) or " " in name or not name.isprintable():
            return None
        return f"{CUSTOMER}:{name}" if self.subject else f"{VISITOR}:{name}"


@lru_cache(maxsize=1_000)
def is_plain(channel: str) -> bool:
    return channel.isidentifier() and channel.islower() and channel.isascii()


DECODER = msgspec.json.Decoder(PlainEvent, dec_hook=made)


def as_we_wrote_it(body: bytes, subject: str) -> Interaction | None:
    """The interaction that a record of this subject holds; None if `CloudEvent` must say what it is."""
    found = plain(body)
    return found if found is not None and found.subject == subject else None


def plain(body: bytes) -> Interaction | None:
    """The interaction that an event about one customer or visitor is; None if `CloudEvent` must say what it is."""
    try:
        event = DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    subject, channel = event.identifier(), event.channel or ""
    if subject is None or (channel and not is_plain(channel)):
        return None
    return Interaction(
        event.id, event.source, event.type, subject, channel, at_ms(event.time), event.data, event.policy
    )
