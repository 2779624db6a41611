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
import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from typing import Any, cast
from weakref import WeakKeyDictionary

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from profiles.connection import ANSWER_TIMEOUT_S, BACKOFF_S, UNREACHABLE
from profiles.errors import StoreUnavailable

LONGEST_WAIT_S = 0.05
MOST_TRIPS = 4
"""How many may be under way at the same time. With a healthy Redis it is one."""
WAIT = "WAIT"


class Passenger:
    """Commands of one request. A WAIT at their end is sent once for all who share the trip."""

    __slots__ = ("answers", "commands", "packed", "wait")

    def __init__(self, commands: Sequence[tuple[Any, ...]], answers: "asyncio.Future[list[Any]]") -> None:
        self.wait = commands[-1] if commands[-1][0] == WAIT else None
        sent = commands if self.wait is None else commands[:-1]
        self.commands = len(sent)
        self.packed = b"".join([pack_command(each) for each in sent])
        self.answers = answers


class Lane:
    """`run` gives the answers of one request's commands, on a trip that others may share. For one Redis, no cluster."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._repeats: int = self._pool.connection_kwargs["retry"].get_retries()
        self._waiting: list[Passenger] = []
        self._driving: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._idle: list[AbstractConnection] = []
        """Connections that are ours until the pool closes."""

    async def run(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """An error that Redis answers with is a value among the answers. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        passenger = Passenger(commands, loop.create_future())
        self._waiting.append(passenger)
        if not self._driving:
            self._drive()
        elif self._alarm is None and len(self._driving) < MOST_TRIPS:
            self._alarm = loop.call_later(LONGEST_WAIT_S, self._drive)
        return await passenger.answers

    def _drive(self) -> None:
        self._alarm = None
        self._driving.add(asyncio.get_running_loop().create_task(self._trips()))

    async def _trips(self) -> None:
        """One after the other, until nobody waits."""
        try:
            while self._waiting:
                if together := self._gathered():
                    await self._trip(together)
        finally:  # before anybody whom the last trip has answered comes again
            self._driving.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _gathered(self) -> list[Passenger]:
        together = [each for each in self._waiting if not each.answers.done()]
        self._waiting = []
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        return together

    async def _trip(self, together: Sequence[Passenger]) -> None:
        """Whatever goes wrong, everybody on it is told. Where Redis is away, so is who has gathered meanwhile: it would
        take as long to find that out on a trip of their own."""
        try:
            _deliver(together, await self._answers(together))
        except UNREACHABLE as cause:
            said = str(cause)
            _refuse((*together, *self._gathered()), lambda: StoreUnavailable(said))
        except Exception as cause:  # noqa: BLE001 – it goes on to all who wait
            _refuse(together, partial(copy, cause))
        finally:
            for each in together:  # of what was stopped
                each.answers.cancel()

    async def _answers(self, together: Sequence[Passenger]) -> list[Any]:
        wait = next((each.wait for each in together if each.wait is not None), None)
        packed = [each.packed for each in together]
        if wait is not None:
            packed.append(pack_command(wait))
        expected = sum(each.commands for each in together) + (wait is not None)
        for number in range(self._repeats):
            try:
                return await self._sent(packed, expected)
            except UNREACHABLE:
                await asyncio.sleep(BACKOFF_S * 2**number)
        return await self._sent(packed, expected)

    async def _sent(self, packed: Iterable[bytes], expected: int) -> list[Any]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                connection = await self._connection()
                answers = await self._exchanged(connection, packed, expected)
        except TimeoutError as cause:
            raise RedisTimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s") from cause
        self._idle.append(connection)
        return answers

    async def _exchanged(self, connection: AbstractConnection, packed: Iterable[bytes], expected: int) -> list[Any]:
        try:
            await connection.send_packed_command(b"".join(packed), check_health=False)
            return [await _answer(connection) for _ in range(expected)]
        except BaseException:  # answers may still be to come on it
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
            raise

    async def _connection(self) -> AbstractConnection:
        """One that is open, and on which nothing is to come."""
        if not self._idle:
            connection: AbstractConnection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            return connection
        connection = self._idle.pop()
        try:
            await self._pool.ensure_connection(connection)
        except BaseException:
            await self._pool.release(connection)
            raise
        return connection


_lanes: WeakKeyDictionary[Redis, tuple[Lane, Lane]] = WeakKeyDictionary()


def lanes_of(redis: Redis) -> tuple[Lane, Lane]:
    """For reads and for writes. The same for all who use this client, since a lane keeps connections of its pool."""
    return _lanes.setdefault(redis, (Lane(redis), Lane(redis)))


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)  # the trip has bounded it
    except ResponseError as refused:
        return refused


def _refuse(several: Iterable[Passenger], error: Callable[[], Exception]) -> None:
    """Each gets an error of their own: who catches it may add to it."""
    for each in several:
        if not each.answers.done():
            each.answers.set_exception(error())


def _deliver(together: Iterable[Passenger], answers: Sequence[Any]) -> None:
    at = 0
    for each in together:
        mine = list(answers[at : at + each.commands])
        at += each.commands
        if each.wait is not None:
            mine.append(answers[-1])
        if not each.answers.done():
            each.answers.set_result(mine)
