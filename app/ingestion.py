"""Takes interactions in: typed by the live policy, then appended to the outboxes. A 2xx means they are there."""

from collections.abc import Sequence
from datetime import datetime

from app.policy import required
from consumers.accepting import accepted, record_of
from consumers.live import LivePolicy, PolicySource
from profiles.errors import BadFields
from profiles.store import CustomerStore
from schemas.base import at_ms
from schemas.interaction import CloudEvent, Interaction, from_cloud_event


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
