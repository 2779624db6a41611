"""Commands that are sent now and answered later, on a connection that nobody else uses meanwhile.

redis-py waits for the answers of a pipeline in the call that sends it. A worker has folding to do while Redis works.
Nothing is sent twice: after a failure the connection is closed, and what was sent may have been done or not.
"""

import asyncio
import math
from collections.abc import Iterable, Sequence
from typing import Any

from hiredis import pack_command
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from profiles.connection import ANSWER_TIMEOUT_S, UNREACHABLE
from profiles.errors import StoreUnavailable


class Trip:
    """One connection's worth of commands and their answers. It takes a connection with the first command and gives it
    back with the last answer; `drop` is for whoever does not wait for them."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._connection: AbstractConnection | None = None
        self._unanswered = 0

    async def send(self, commands: Iterable[Sequence[Any]]) -> None:
        """Returns when most of it is on its way. Raises StoreUnavailable."""
        packed = [pack_command(tuple(each)) for each in commands]
        try:
            if self._connection is None:
                self._connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
            self._unanswered += len(packed)
            await self._connection.send_packed_command(b"".join(packed), check_health=False)
        except UNREACHABLE as cause:
            await self.drop()
            raise StoreUnavailable(str(cause)) from cause

    async def answers(self, within_s: float = ANSWER_TIMEOUT_S) -> list[Any]:
        """One for each command sent since the last call, an error among them as a value. Raises StoreUnavailable if
        Redis is away or takes longer than `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                found = [await self._answer() for _ in range(self._unanswered)]
        except UNREACHABLE as cause:
            await self.drop()
            raise StoreUnavailable(str(cause) or f"no answer within {within_s:g} s") from cause
        except BaseException:
            await self.drop()
            raise
        self._unanswered = 0
        await self._give_back()
        return found

    async def _answer(self) -> Any:
        assert self._connection is not None
        try:
            return await self._connection.read_response(timeout=math.inf)  # `answers` has bounded it
        except ResponseError as refused:
            return refused

    async def drop(self) -> None:
        """Closes the connection if answers are still to come on it. Harmless at any time."""
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
            await self._give_back()

    async def _give_back(self) -> None:
        connection, self._connection, self._unanswered = self._connection, None, 0
        if connection is not None:
            await self._pool.release(connection)
