"""Interactions as they stand in the log, read fast where we wrote them ourselves.

What has `policy` was typed by us before it was logged, and is read by msgspec in a fraction of the time that pydantic
takes. The fast form is the narrower one: what it does not take, right or wrong, is read by `CloudEvent`, which has
the last word and the errors.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from schemas.base import at_ms
from schemas.interaction import CloudEvent, Interaction, from_cloud_event

INT64 = 2**63
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Int64 = Annotated[int, msgspec.Meta(ge=-INT64, le=INT64 - 1)]
FieldValue = str | Int64 | float | bool | list[str] | None
"""What a typed field may hold (profiles/fields.py)."""


class TypedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to_cloud_event` of a typed interaction that names one customer or visitor."""

    specversion: Literal["1.0"]
    id: ShortText
    source: ShortText
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: dict[str, FieldValue]
    policy: str
    channel: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """None where nobody visits: an `identify` of a load."""
    subject: ShortText | None = None
    visitor: ShortText | None = None
    data_base64: None = None

    def is_about(self, subject: str) -> bool:
        """False where it takes a closer look."""
        name = f"customer:{self.subject}" if self.visitor is None else f"visitor:{self.visitor}"
        is_plain = " " not in name and name.isprintable()
        return name == subject and is_plain and (self.subject is None or self.visitor is None)

    def has_plain_channel(self) -> bool:
        name = self.channel
        return name is None or (name.isidentifier() and name.islower() and name.isascii())


DECODER = msgspec.json.Decoder(TypedEvent)


def read_interaction(body: bytes, received_ms: int, subject: str, kinds: Iterable[str]) -> Interaction:
    """The interaction that a record's body holds; `received_ms` stands in for a time that is left out, `subject` is
    whom the log has it under, `kinds` are those of identifiers, strongest first.

    Raises ValidationError of pydantic, as `CloudEvent` does, and ValueError as `from_cloud_event` does.
    """
    found = _as_we_wrote_it(body, subject)
    return found or from_cloud_event(CloudEvent.model_validate_json(body), received_ms, kinds, subject)


def _as_we_wrote_it(body: bytes, subject: str) -> Interaction | None:
    try:
        event = DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not (event.is_about(subject) and event.has_plain_channel()):
        return None
    return Interaction(
        event.id, event.source, event.type, subject, event.channel or "", at_ms(event.time), event.data, event.policy
    )
