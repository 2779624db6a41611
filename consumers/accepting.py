"""What is accepted of others, over HTTP or straight from Kafka: an interaction as the live policy types it."""

import orjson
from msgspec.structs import replace

from consumers.live import LivePolicy
from profiles.errors import BadFields
from profiles.store import Record
from schemas.base import UNIT_MS
from schemas.interaction import OUR_OWN, CloudEvent, Event, Interaction, from_cloud_event, to_cloud_event

MOST_EVENT_BYTES = 1_000_000
"""Of one event as it stands in the log: what follows from it must fit into the topics of Kafka too."""
FURTHEST_FUTURE_MS = UNIT_MS["h"]
"""A touchpoint's clock may be wrong by so much."""


def taken_in(event: CloudEvent | Event, policy: LivePolicy, received_ms: int) -> Record:
    """The record of an event that somebody else has sent, as the live policy takes it. Raises BadFields."""
    try:
        interaction = from_cloud_event(event, received_ms, policy.definition.identifiers)
    except ValueError as cause:  # it is about nobody
        raise BadFields(str(cause)) from cause
    return record_of(accepted(interaction, policy, received_ms))


def accepted(interaction: Interaction, policy: LivePolicy, received_ms: int) -> Interaction:
    """The interaction as the policy types it, and marked so. Raises BadFields.

    A worker that does not have this revision yet, or has a later one, takes it as it is typed here.
    """
    if interaction.type in OUR_OWN:
        raise BadFields(f"`{interaction.type}` is sent by Opportune only")
    if interaction.at_ms > received_ms + FURTHEST_FUTURE_MS:
        raise BadFields("`time` lies more than an hour in the future", "check the clock of the touchpoint")
    if interaction.at_ms < 0:
        raise BadFields("`time` lies before 1970")
    return replace(policy.definition.typed(interaction), policy=policy.revision)


def record_of(interaction: Interaction) -> Record:
    """Raises BadFields if it is too large for the log."""
    body = orjson.dumps(to_cloud_event(interaction))
    if len(body) > MOST_EVENT_BYTES:
        reason = f"the event has {len(body):,} bytes; at most {MOST_EVENT_BYTES:,} are taken"
        raise BadFields(reason, "keep what is large elsewhere, and send where it is")
    return Record("interactions", interaction.identity, interaction.subject, body)
