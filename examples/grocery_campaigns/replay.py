"""The year once more: each book is decided at its time, and what happened goes into the log, in the order of time.

The service's own parts, without HTTP, since requests over HTTP are answered as of now. A worker must fold beside it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.decisioning import Decisioning
from consumers.accepting import taken_in
from consumers.live import LivePolicy
from examples.grocery_campaigns.history import Exposure, Happened
from profiles.store import CustomerStore, Record
from schemas.base import at_ms
from schemas.decision import DecisionRecord, DecisionRequest
from schemas.interaction import CloudEvent

AT_ONCE = 50


@dataclass(slots=True)
class Replay:
    decisioning: Decisioning
    store: CustomerStore
    policy: LivePolicy
    decided: list[DecisionRecord] = field(default_factory=list)

    async def run(self, year: Iterable[Exposure | Happened]) -> None:
        """In the order given; what lies between two mailings is sent together."""
        waiting: list[Exposure | Happened] = []
        for each in year:
            if waiting and type(each) is not type(waiting[0]):
                await self._send(waiting)
                waiting = []
            waiting.append(each)
        await self._send(waiting)

    async def _send(self, several: Sequence[Exposure | Happened]) -> None:
        for start in range(0, len(several), AT_ONCE):
            part = several[start : start + AT_ONCE]
            await self.store.append([self._record(each) for each in part if isinstance(each, Happened)])
            sent = [self._decide(each) for each in part if isinstance(each, Exposure)]
            self.decided += await asyncio.gather(*sent)

    async def _decide(self, exposure: Exposure) -> DecisionRecord:
        return await self.decisioning.decide(DecisionRequest(**exposure.request), exposure.at)

    def _record(self, happened: Happened) -> Record:
        event = CloudEvent.model_validate(happened.event)
        return taken_in(event, self.policy, at_ms(datetime.fromisoformat(happened.event["time"])))
