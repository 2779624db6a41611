"""Fetches from all partitions of a member, and gives out what came by its time (ordering.py)."""

import asyncio
import time
from collections.abc import Mapping

from consumers.dead_letters import InKafka
from consumers.kafka.member import Member
from consumers.kafka.ordering import Merge, Part

MOST_OF_ONE = 250
"""Records that are fetched of one partition at once."""
PATIENCE_S = 5.0
"""So long all wait for a partition that has more and gives nothing, such as one without a leader; then they go on
without it until it gives again."""


class Gathering:
    def __init__(self) -> None:
        self._merge = Merge()
        self._given_up: set[Part] = set()
        self._held: float | None = None
        """Since when everything waits for a partition that gives nothing."""

    def begin(self, starts: Mapping[Part, int]) -> None:
        """From now on these partitions, which are to be sought there, and no others."""
        self._merge.begin(starts)
        self._given_up.clear()
        self._held = None

    @property
    def taken_to(self) -> dict[Part, int]:
        """By partition, up to where all was given out."""
        return self._merge.taken_to

    async def gather(self, member: Member, wait_s: float, most: int) -> list[InKafka]:
        """The next records of all partitions; waits for the first if there is none. Raises LogUnavailable: then all are
        to be sought anew."""
        waits_s = 0.0 if self._merge.has_waiting and self._held is None else wait_s
        while await self._fetched(member, waits_s):
            waits_s = 0.0
        return self._next(member, most)

    async def _fetched(self, member: Member, wait_s: float) -> bool:
        """Whether anything has come in partitions of which nothing waits here."""
        empty, assignment, came = self._merge.empty, member.assignments, False
        if not empty:  # also others have their turn
            await asyncio.sleep(0 if self._merge.has_waiting else wait_s)
            return False
        for part, portion in (await member.fetch(empty, wait_s, MOST_OF_ONE)).items():
            self._merge.add(part, portion.records, portion.read_to)
            if portion.records:
                self._given_up.discard(part)
                came = True
        return came and member.assignments == assignment

    def _next(self, member: Member, most: int) -> list[InKafka]:
        more = {part for part, at in self._merge.read_to.items() if member.has_more(part, at)} - self._given_up
        found = self._merge.take(most, more)
        if found or not self._merge.has_waiting:
            self._held = None
            return found
        self._held = self._held or time.monotonic()
        if time.monotonic() - self._held < PATIENCE_S:
            return []
        self._given_up |= more & set(self._merge.empty)
        return self._merge.take(most)
