"""Answers a request for a decision within its deadline: with a decision, or else with the defaults of its placements.

In this order: what is wrong with the request is said without the store; if the store is known to be away, defaults are
given at once; otherwise the decision has until the deadline. What it is doing then says what is missing (`degraded`).
A request none of whose placements has a default is refused as ever.
"""

import logging
import time
from datetime import datetime

from app.availability import LATE, Availability, within
from app.decisioning import Asked, Decisioning, Progress
from app.policy import required
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter
from profiles.errors import StoreUnavailable, TooMuchContention
from rules.answer import Reply
from rules.defaults import filled
from schemas.base import at_ms, rfc3339
from schemas.decision import DecisionRequest, DefaultTreatment, Degraded, Question, Undecided

log = logging.getLogger(__name__)

TELL_EVERY_S = 10.0


class Answering:
    """`deadline_ms`: of a request that gives none."""

    def __init__(
        self, decisioning: Decisioning, policies: PolicySource, store: Availability, meter: Meter, deadline_ms: int
    ) -> None:
        self._decisioning = decisioning
        self._policies = policies
        self._store = store
        self._meter = meter
        self._deadline_ms = deadline_ms
        self._told_s, self._untold = float("-inf"), 0

    async def answer(
        self, request: DecisionRequest | Question, now: datetime, spent_s: float = 0.0
    ) -> Reply | Undecided:
        """`spent_s`: since the request has arrived.

        Raises NoPolicy, BadFields, StoreUnavailable and TooMuchContention.
        """
        policy = required(self._policies)
        asked = Asked.from_request(request, policy, at_ms(now))
        defaults = filled(policy.ruleset.defaults, asked.channel, (name for name, _ in asked.placements))
        if not defaults and request.deadline_ms is None and not self._store.is_away:
            return await self._decisioning.decide_asked(asked, policy)
        deadline_ms = self._deadline_ms if request.deadline_ms is None else request.deadline_ms
        progress = Progress()
        try:
            return await self._decided(asked, policy, progress, deadline_ms / 1000 - spent_s)
        except (StoreUnavailable, TooMuchContention) as cause:
            if not defaults:
                raise
            why: Degraded = progress.doing if progress.is_abandoned else _why(cause)
            return self._undecided(asked, policy, defaults, why)

    async def _decided(self, asked: Asked, policy: LivePolicy, progress: Progress, within_s: float) -> Reply:
        """Raises StoreUnavailable also where the deadline has passed; then the progress is abandoned."""
        self._store.require()
        try:
            answer = await within(self._decisioning.decide_asked(asked, policy, progress), max(within_s, 0.0))
        except StoreUnavailable:
            self._store.suspect()
            raise
        if answer is LATE:
            progress.is_abandoned = True
            self._store.suspect()
            raise StoreUnavailable("there was no decision before the deadline")
        return answer

    def _undecided(
        self, asked: Asked, policy: LivePolicy, defaults: tuple[DefaultTreatment, ...], why: Degraded
    ) -> Undecided:
        self._meter.count("decisions_degraded", reason=why)
        self._tell(why)
        at, channel = rfc3339(asked.now_ms), asked.channel
        return Undecided(at=at, channel=channel, policy=policy.revision, defaults=defaults, degraded=(why,))

    def _tell(self, why: Degraded) -> None:
        """Now and then: while the store is away it is every request."""
        if time.monotonic() < self._told_s + TELL_EVERY_S:
            self._untold += 1
            return
        log.warning("answered with defaults", extra={"degraded": why, "untold_before": self._untold})
        self._told_s, self._untold = time.monotonic(), 0


def _why(cause: Exception) -> Degraded:
    return "contention" if isinstance(cause, TooMuchContention) else "store"
