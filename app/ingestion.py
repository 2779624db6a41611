"""Takes interactions in: typed by the live policy, then appended to the outboxes. A 2xx means they are there."""

from collections.abc import Callable, Sequence
from datetime import datetime

import orjson
from msgspec.structs import replace

from app.policy import required
from consumers.live import LivePolicy, PolicySource
from profiles.errors import BadFields
from profiles.store import CustomerStore, Record
from schemas.base import UNIT_MS, at_ms
from schemas.interaction import OUR_OWN, CloudEvent, Interaction, from_cloud_event, to_cloud_event

MOST_EVENT_BYTES = 1_000_000
"""Of one event as it stands in the log: what follows from it must fit into the topics of Kafka too."""
FURTHEST_FUTURE_MS = UNIT_MS["h"]
"""A touchpoint's clock may be wrong by so much."""


class Ingestion:
    """`require_room` raises NoRoom where nothing more may be taken in."""

    def __init__(self, store: CustomerStore, policies: PolicySource, require_room: Callable[[], None]) -> None:
        self._store = store
        self._policies = policies
        self._require_room = require_room

    async def accept(self, events: Sequence[CloudEvent], received: datetime) -> list[BadFields | None]:
        """For each event None, or why it was refused. The good ones are in the log when this returns.

        Raises NoRoom, NoPolicy and StoreUnavailable.
        """
        self._require_room()
        policy = required(self._policies)
        results = [_judged(each, policy, at_ms(received)) for each in events]
        await self._store.append(each for each in results if isinstance(each, Record))
        return [each if isinstance(each, BadFields) else None for each in results]


def _judged(event: CloudEvent, policy: LivePolicy, received_ms: int) -> Record | BadFields:
    try:
        interaction = from_cloud_event(event, received_ms, policy.definition.identifiers)
        return record_of(accepted(interaction, policy, received_ms))
    except BadFields as refusal:
        return refusal
    except ValueError as cause:  # it is about nobody
        return BadFields(str(cause))


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
