"""Takes interactions in: typed by the live policy, then appended to the outboxes. A 2xx means they are there."""

from collections.abc import Callable, Sequence
from datetime import datetime

from app.policy import required
from consumers.accepting import taken_in
from consumers.live import LivePolicy, PolicySource
from profiles.errors import BadFields
from profiles.store import CustomerStore, Record
from schemas.base import at_ms
from schemas.interaction import CloudEvent, Event


class Ingestion:
    """`require_room` raises NoRoom where nothing more may be taken in."""

    def __init__(self, store: CustomerStore, policies: PolicySource, require_room: Callable[[], None]) -> None:
        self._store = store
        self._policies = policies
        self._require_room = require_room

    async def accept(self, events: Sequence[CloudEvent | Event], received: datetime) -> list[BadFields | None]:
        """For each event None, or why it was refused. The good ones are in the log when this returns.

        Raises NoRoom, NoPolicy and StoreUnavailable.
        """
        self._require_room()
        policy = required(self._policies)
        results = [_judged(each, policy, at_ms(received)) for each in events]
        await self._store.append(each for each in results if isinstance(each, Record))
        return [each if isinstance(each, BadFields) else None for each in results]


def _judged(event: CloudEvent | Event, policy: LivePolicy, received_ms: int) -> Record | BadFields:
    try:
        return taken_in(event, policy, received_ms)
    except BadFields as refusal:
        return refusal
