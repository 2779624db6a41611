"""What a dead letter's record is when it goes back into the log: the same bytes under the same id."""

from collections.abc import Iterable

from consumers.dead_letters import Undecodable, decoded
from profiles.dead_letters import Letter
from profiles.store import Record
from schemas.interaction import CloudEvent, from_cloud_event


class CannotGoBack(Exception):  # noqa: N818 (reads as a sentence where it is raised)
    """Says why not."""


def record_of(letter: Letter, kinds: Iterable[str]) -> Record:
    """`kinds`: of identifiers that the live policy knows. A letter without a subject came from Kafka and was never
    taken in: it is read again by its topic, since a policy may know its identifiers now. Raises CannotGoBack."""
    if letter.subject:
        return Record(letter.what.topic, letter.record_id, letter.subject, letter.original)
    if letter.what.topic != "interactions":
        raise CannotGoBack(f"nobody can tell whom it is about ({letter.what.error}); let its sender send it again")
    try:
        event = decoded(CloudEvent.model_validate_json, letter.original)
        taken = from_cloud_event(event, letter.what.at_ms, kinds)
    except (Undecodable, ValueError) as cause:
        raise CannotGoBack(f"still nobody can tell whom it is about: {cause}; let its sender send it again") from cause
    return Record("interactions", taken.identity, taken.subject, letter.original)
