"""A `Trip` over the nodes of a Redis Cluster: each part on a connection of its own.

A command whose slot has moved was refused, and what was sent with it may have been done: whoever sent it begins again,
as after any failure.
"""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from redis.exceptions import AskError, MovedError

from profiles.cluster import AWAY, POLL_FIRST_S, POLL_LAST_S, Address, Cluster, Command, blocking, joined, parts
from profiles.connection import ANSWER_TIMEOUT_S
from profiles.errors import StoreUnavailable
from profiles.trip import Trip


class ClusterTrip:
    """As `Trip`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._trips: dict[Address, Trip] = {}
        self._asked: list[Command] = []
        self._where: list[list[Address]] = []
        """Of each command, the nodes of its parts."""

    async def send(self, commands: Iterable[Command]) -> None:
        if not self._cluster.is_known:
            await self._learn()
        by_node: dict[Address, list[Command]] = {}
        for command in commands:
            cut = parts(command)
            self._asked.append(command)
            self._where.append([self._cluster.address(part) for part in cut])
            for address, part in zip(self._where[-1], cut, strict=True):
                by_node.setdefault(address, []).append(part)
        try:
            for address, several in by_node.items():
                trip = self._trips.setdefault(address, Trip(self._cluster.node(address)))
                await trip.send(several)
        except StoreUnavailable:
            await self._failed()
            raise

    async def answers(self, within_s: float = ANSWER_TIMEOUT_S) -> list[Any]:
        """An XREAD that waits, and stands alone, is asked until it finds something."""
        alone = self._asked[0] if len(self._asked) == 1 else None
        until, pause = time.monotonic() + (blocking(alone) / 1000 if alone else 0), POLL_FIRST_S
        found = await self._answers(within_s)
        while alone and not any(found) and time.monotonic() < until:
            await asyncio.sleep(pause)
            pause = min(POLL_LAST_S, pause * 2)
            await self.send([alone])
            found = await self._answers(within_s)
        return found

    async def _answers(self, within_s: float) -> list[Any]:
        try:
            found = {address: iter(await trip.answers(within_s)) for address, trip in self._trips.items()}
        except StoreUnavailable:
            await self._failed()
            raise
        answers = [joined([next(found[address]) for address in several]) for several in self._where]
        self._trips, self._asked, self._where = {}, [], []
        if moved := next((each for each in answers if isinstance(each, MovedError | AskError)), None):
            self._cluster.forget()
            raise StoreUnavailable(f"a slot has moved: {moved}")
        return answers

    async def drop(self) -> None:
        for trip in self._trips.values():
            await trip.drop()
        self._trips, self._asked, self._where = {}, [], []

    async def _failed(self) -> None:
        self._cluster.forget()
        await self.drop()

    async def _learn(self) -> None:
        try:
            await self._cluster.learn()
        except AWAY as cause:
            raise StoreUnavailable(str(cause)) from cause


def trip_on(redis: Any) -> Trip | ClusterTrip:
    return ClusterTrip(redis) if isinstance(redis, Cluster) else Trip(redis)
