"""What a dead letter's record is when it goes back into the log.

One that was in the log of a shard goes back as it was: the same bytes, the same id, the same subject. One that the
intake would not take from Kafka goes back only as the live policy accepts it now, as if it had just come: whoever may
write to Kafka must not get past that judgement by way of a dead letter.
"""

import base64

from consumers.accepting import taken_in
from consumers.dead_letters import Undecodable, decoded
from consumers.kafka.bindings import event_of
from consumers.live import LivePolicy
from profiles.dead_letters import Letter
from profiles.errors import BadFields
from profiles.store import Record
from schemas.interaction import CloudEvent

SEND_AGAIN = "have its sender mended and send it again"


class CannotGoBack(Exception):  # noqa: N818 (reads as a sentence where it is raised)
    """Says why not."""


def record_of(letter: Letter, policy: LivePolicy | None) -> Record:
    """`policy`: the live one. Raises CannotGoBack."""
    if letter.was_in_the_log:
        return Record(letter.what.topic, letter.record_id, letter.subject, letter.original)
    if policy is None:
        raise CannotGoBack("no policy is live that could take it in")
    if letter.what.topic != "interactions":
        raise CannotGoBack(f"it was never taken in from Kafka ({letter.what.error}); {SEND_AGAIN}")
    return _taken_in(letter, policy)


def _taken_in(letter: Letter, policy: LivePolicy) -> Record:
    try:
        headers = {name: base64.b64decode(value) for name, value in letter.what.headers}
        event = decoded(CloudEvent.model_validate, event_of(headers, letter.original))
        return taken_in(event, policy, letter.what.at_ms)
    except (Undecodable, BadFields, ValueError) as cause:
        raise CannotGoBack(f"the live policy does not take it in either: {cause}; {SEND_AGAIN}") from cause
