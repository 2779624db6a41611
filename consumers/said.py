"""What a fold has said itself and folded at once: its record in the log is for those who read on, not for the fold.

Such a record stands in the outbox only if the commit that put it there has the change of the customer in it, since one
script does both, and whatever survives a failover is a first part of what Redis has done. So whoever reads it need not
look at the customer. The record says of itself that it is one; nobody else may send what it is about (`SAID`).
"""

from typing import Any

import msgspec
import orjson

from consumers.log import LogRecord
from profiles.store import Record
from schemas.interaction import OUR_OWN, TIMER_FIRED, Interaction, to_cloud_event

OURS = "opportune/"
"""How the source of all that begins which Opportune says."""


SAID = OUR_OWN - {TIMER_FIRED}
"""The interaction types that a fold says; a timer is said by the clock."""


GOALS = "opportune/goals"
"""The source of responses that a fold infers (consumers/folding/goals.py)."""
SAYING = {"interactions": OURS, "responses": f"{GOALS}#"}
"""By topic, how the ids of such records begin."""


class Mark(msgspec.Struct):
    type: str = ""
    folded: bool = False


DECODER = msgspec.json.Decoder(Mark)


def marked(said: Interaction) -> bytes:
    """The body of the record of something that is folded where it is said."""
    event: dict[str, Any] = {**to_cloud_event(said), "folded": True}
    return orjson.dumps(event)


def is_folded(record: LogRecord | Record) -> bool:
    """Whether the commit that has put this record into the log has folded it too."""
    start = SAYING.get(record.topic)
    if start is None or not record.id.startswith(start):
        return False
    try:
        mark = DECODER.decode(record.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False  # whatever it is: the fold will say so
    return mark.folded and (mark.type in SAID or record.topic == "responses")
