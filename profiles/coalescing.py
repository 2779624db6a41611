"""Round trips that concurrent requests share.

Who finds no trip under way goes at once: at the end of this turn of the event loop, with all who came in the same
turn. Who comes while one is under way gathers with others until it is back, but no longer than LONGEST_WAIT_S; then
they go on a connection of their own, so that one slow command does not hold up everybody.

What is sent together stays apart in every other way. Each has its own answers, and an error among them is its own. Who
is cancelled before the start is left out, and whose is cancelled later, changes nothing for others. A trip that fails
has failed for all of it, and is repeated as redis-py would repeat each part: as often as the client was opened for
(profiles/connection.py says why that is harmless). What cannot be packed never gets on.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from profiles.connection import ANSWER_TIMEOUT_S, BACKOFF_S, UNREACHABLE
from profiles.errors import StoreUnavailable
from profiles.ride import Passenger, Ride
from profiles.wire import Wire

LONGEST_WAIT_S = 0.05
MOST_TRIPS = 4
"""How many may be under way at the same time. With a healthy Redis it is one."""


class Lane:
    """`run` gives the answers of one request's commands, on a trip that others may share. For one Redis, no cluster.

    What goes well needs no task: who comes first sends, and what has come back sends the next. Opening a connection and
    repeating a trip do.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._repeats: int = self._pool.connection_kwargs["retry"].get_retries()
        self._waiting: list[Passenger] = []
        self._under_way = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._idle: list[Wire] = []
        """Connections that are ours until the pool closes."""
        self._slow: set[asyncio.Task[None]] = set()

    async def run(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """An error that Redis answers with is a value among the answers. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        passenger = Passenger(commands, loop.create_future())
        self._waiting.append(passenger)
        if not self._under_way:
            self._under_way = 1
            loop.call_soon(self._go)
        elif self._alarm is None and self._under_way < MOST_TRIPS:
            self._alarm = loop.call_later(LONGEST_WAIT_S, self._go_beside)
        return await passenger.answers

    def _go_beside(self) -> None:
        self._alarm = None
        self._under_way += 1
        self._go()

    def _go(self) -> None:
        """A trip with all who wait; the end, where nobody does."""
        together = self._gathered()
        if together:
            self._depart(Ride(together))
        else:
            self._under_way -= 1

    def _gathered(self) -> list[Passenger]:
        together = [each for each in self._waiting if not each.answers.done()]
        self._waiting = []
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        return together

    def _depart(self, ride: Ride) -> None:
        if self._idle and self._idle[-1].is_open:
            self._send(ride, self._idle.pop())
        else:
            self._slowly(ride)

    def _send(self, ride: Ride, wire: Wire) -> None:
        wire.exchange(ride.packed, ride.expected, partial(self._back, ride, wire))

    def _back(self, ride: Ride, wire: Wire, found: list[Any] | Exception) -> None:
        if isinstance(found, Exception):
            self._slowly(ride, wire, found)
            return
        self._idle.append(wire)
        ride.deliver(found)
        self._go()  # before anybody whom it has answered comes again

    def _slowly(self, ride: Ride, lost: Wire | None = None, error: Exception | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self._anew(ride, lost, error))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _anew(self, ride: Ride, lost: Wire | None, error: Exception | None) -> None:
        """Departs on another connection. Whatever goes wrong, everybody on it is told. Where Redis is away, so is who
        has gathered meanwhile: it would take as long to find that out on a trip of their own."""
        try:
            if lost is not None:
                await self._drop(lost)
            wire = await self._another(ride, error)
        except UNREACHABLE as cause:
            said = str(cause)
            _refuse((*ride.passengers, *self._gathered()), lambda: StoreUnavailable(said))
            self._go()
        except Exception as cause:  # noqa: BLE001 – it goes on to all who wait
            _refuse(ride.passengers, partial(copy, cause))
            self._go()
        except BaseException:  # stopped
            for each in ride.passengers:
                each.answers.cancel()
            raise
        else:
            self._send(ride, wire)

    async def _another(self, ride: Ride, error: Exception | None) -> Wire:
        """A connection, if need be after a while. Raises the error that was the last which this ride may meet."""
        while True:
            if error is not None:
                if not isinstance(error, UNREACHABLE) or ride.repeated == self._repeats:
                    raise error
                await self._drop_idle()  # as old as the one that was lost, and as likely to be
                await asyncio.sleep(BACKOFF_S * 2**ride.repeated)
                ride.repeated += 1
            try:
                return await self._opened()
            except UNREACHABLE as cause:
                error = cause

    async def _opened(self) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.is_open:
                return wire
            await self._drop(wire)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                wire = Wire(await self._pool.get_connection())  # type: ignore[no-untyped-call]
        except TimeoutError as cause:
            raise RedisTimeoutError(f"no connection within {ANSWER_TIMEOUT_S:g} s") from cause
        if not wire.is_open:
            await self._drop(wire)
            raise RedisConnectionError("Redis has closed the connection at once")
        return wire

    async def _drop_idle(self) -> None:
        while self._idle:
            await self._drop(self._idle.pop())

    async def _drop(self, wire: Wire) -> None:
        await wire.connection.disconnect(nowait=True)
        await self._pool.release(wire.connection)


_lanes: WeakKeyDictionary[Redis, tuple[Lane, Lane]] = WeakKeyDictionary()


def lanes_of(redis: Redis) -> tuple[Lane, Lane]:
    """For reads and for writes. The same for all who use this client, since a lane keeps connections of its pool."""
    return _lanes.setdefault(redis, (Lane(redis), Lane(redis)))


def _refuse(several: Iterable[Passenger], error: Callable[[], Exception]) -> None:
    """Each gets an error of their own: who catches it may add to it."""
    for each in several:
        if not each.answers.done():
            each.answers.set_exception(error())
