"""Fetches from all partitions of a member, and gives out what came by its time (ordering.py)."""

import asyncio
import time
from collections.abc import Mapping

from consumers.dead_letters import InKafka
from consumers.kafka.member import Member
from consumers.kafka.ordering import ERASURES, Merge
from consumers.kafka.reading import Part

MOST_OF_ONE = 250
"""Records that are fetched of one partition at once."""
PATIENCE_S = 5.0
"""So long all wait for a partition that has more and gives nothing, such as one without a leader; then they go on
without it until it gives again."""


SETTLE_S = 0.2
"""So long an erasure waits for what other brokers took before it and have not given yet: longer than a fetch lasts."""


class Gathering:
    def __init__(self) -> None:
        self._merge = Merge()
        self._came: dict[Part, float] = {}
        """By partition of the erasures, when what waits of it came."""
        self._given_up: set[Part] = set()
        self._missing: float | None = None
        """Since when everything waits for a partition that gives nothing."""
        self._gave = False

    def begin(self, starts: Mapping[Part, int]) -> None:
        """From now on these partitions, which are to be sought there, and no others."""
        self._merge.begin(starts)
        self._came.clear()
        self._given_up.clear()
        self._missing = None

    @property
    def taken_to(self) -> dict[Part, int]:
        """By partition, up to where all was given out."""
        return self._merge.taken_to

    async def gather(self, member: Member, wait_s: float, most: int) -> list[InKafka]:
        """The next records of all partitions; waits for the first if there is none. Raises LogUnavailable: then all are
        to be sought anew."""
        waits_s = 0.0 if self._merge.has_waiting and self._gave else wait_s
        while await self._fetched(member, waits_s):
            waits_s = 0.0
        found = self._next(member, most)
        self._gave = bool(found)
        return found

    async def _fetched(self, member: Member, wait_s: float) -> bool:
        """Whether anything has come in partitions of which nothing waits here."""
        empty, assignment, came = self._merge.empty, member.assignments, False
        if not empty:  # also others have their turn
            await asyncio.sleep(0 if self._gave else wait_s)
            return False
        for part, portion in (await member.fetch(empty, wait_s, MOST_OF_ONE)).items():
            self._merge.add(part, portion.records, portion.read_to)
            if portion.records:
                came = True
                self._given_up.discard(part)
                if part[0] == ERASURES:
                    self._came[part] = time.monotonic()
        return came and member.assignments == assignment

    def _next(self, member: Member, most: int) -> list[InKafka]:
        now, empty = time.monotonic(), set(self._merge.empty)
        more = {part for part, at in self._merge.read_to.items() if member.has_more(part, at)} - self._given_up
        held = {part for part, came in self._came.items() if now - came < SETTLE_S}
        if not self._merge.has_waiting or not more & empty:
            self._missing = None
        else:
            self._missing = self._missing or now
            if now - self._missing >= PATIENCE_S:
                self._given_up |= more & empty
        found = self._merge.take(most, more - self._given_up, held)
        if found:
            self._missing = None
        return found
