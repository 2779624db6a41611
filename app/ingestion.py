"""Takes interactions in: typed by the live policy, then appended to the outboxes. A 2xx means they are there."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from msgspec.structs import replace

from app.policy import required
from consumers.live import LivePolicy, PolicySource
from profiles.errors import BadFields
from profiles.store import CustomerStore, Record
from schemas.base import UNIT_MS, at_ms
from schemas.interaction import OUR_OWN, CloudEvent, Interaction, from_cloud_event, to_cloud_event

FURTHEST_FUTURE_MS = UNIT_MS["h"]
"""A touchpoint's clock may be wrong by so much."""


class Ingestion:
    def __init__(self, store: CustomerStore, policies: PolicySource) -> None:
        self._store = store
        self._policies = policies

    async def accept(self, events: Sequence[CloudEvent], received: datetime) -> list[BadFields | None]:
        """For each event None, or why it was refused. The good ones are in the log when this returns.

        Raises NoPolicy and StoreUnavailable.
        """
        policy = required(self._policies)
        results = [_typed(each, policy, at_ms(received)) for each in events]
        await self._store.append(record_of(each) for each in results if isinstance(each, Interaction))
        return [each if isinstance(each, BadFields) else None for each in results]


def _typed(event: CloudEvent, policy: LivePolicy, received_ms: int) -> Interaction | BadFields:
    try:
        return accepted(from_cloud_event(event, received_ms, policy.definition.identifiers), policy, received_ms)
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
    body = orjson.dumps(to_cloud_event(interaction))
    return Record("interactions", interaction.identity, interaction.subject, body)
