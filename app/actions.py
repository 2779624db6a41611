"""What rules have done, for those who carry it out: read behind a cursor, waited for if there is nothing yet."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.errors import Invalid
from profiles.actions import ActionStreams, BadCursor, Position, Read, cursor_of, positions_of
from profiles.store import CustomerStore
from schemas.action import Action, ActionPage
from schemas.base import at_ms
from schemas.triggers import ActionKind

LATEST = "latest"
"""As `after`: only what is taken from now on."""
LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which actions; whatever is None does not matter."""

    kind: ActionKind | None = None
    list: str | None = None
    channel: str | None = None
    customer: str | None = None

    @property
    def subject(self) -> str | None:
        return None if self.customer is None else f"customer:{self.customer}"

    def fits(self, action: Action, now_ms: int) -> bool:
        """Nobody is to carry out what has expired."""
        asked = {"kind": self.kind, "list": self.list, "channel": self.channel, "customer": self.customer}
        fitting = all(value is None or getattr(action, name) == value for name, value in asked.items())
        return fitting and at_ms(datetime.fromisoformat(action.expires)) > now_ms


class Actions:
    def __init__(self, store: CustomerStore) -> None:
        self._streams = ActionStreams(store)

    async def read(self, wanted: Wanted, after: str | None, limit: int, wait_s: float = 0.0) -> ActionPage:
        """Up to `limit` actions behind the cursor; waits for the first if there is none. Raises Invalid."""
        positions = await self._positions(after)
        until = time.monotonic() + wait_s
        while True:
            found = await self._once(wanted, positions, limit)
            if found.bodies or not (found.more or time.monotonic() < until):
                return _page(found)
            positions = found.positions
            if not found.more:
                await asyncio.sleep(min(LOOK_EVERY_S, max(0.0, until - time.monotonic())))
            elif time.monotonic() >= until:
                return _page(found)

    async def _positions(self, after: str | None) -> Mapping[int, Position]:
        if after == LATEST:
            return await self._streams.latest()
        try:
            return positions_of(after) if after else {}
        except BadCursor as cause:
            reason = "`after` is no cursor of ours; give the `cursor` of the last answer, or `latest`"
            raise Invalid(errors=[{"field": "after", "reason": reason}]) from cause

    async def _once(self, wanted: Wanted, positions: Mapping[int, Position], limit: int) -> Read:
        now_ms = at_ms(datetime.now(UTC))

        def fits(body: bytes) -> bool:
            return wanted.fits(Action.model_validate_json(body), now_ms)

        return await self._streams.read(self._streams.shards_of(wanted.subject), positions, fits, limit)


def _page(found: Read) -> ActionPage:
    actions = tuple(Action.model_validate_json(each) for each in found.bodies)
    return ActionPage(actions=actions, cursor=cursor_of(found.positions), more=found.more)
