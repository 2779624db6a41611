"""A connection of redis-py's, without the streams in between.

redis-py opens it (address, TLS, password, database) and closes it. In between, what Redis sends goes from the event
loop to hiredis at once, and who waits is told once, when all answers of an exchange are there: no stream, no task, no
coroutine for each answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from hiredis import PushNotification, Reader
from redis._parsers import BaseParser
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from profiles.connection import ANSWER_TIMEOUT_S

NOT_YET: Final = object()
"""What hiredis says when an answer is not complete."""
READ_WITHIN_S: Final = 0.001
Told = Callable[[list[Any] | Exception], None]


class Wire(asyncio.Protocol):
    """One exchange at a time. After one that failed it is of no use any more: answers may still be to come on it."""

    def __init__(self, connection: AbstractConnection) -> None:
        """A connection that is open and on which nothing is to come."""
        writer = connection._writer
        assert writer is not None, "it is open"
        self.connection = connection
        self._is_sound = True
        self._transport = writer.transport
        self._before = self._transport.get_protocol()
        self._parser = Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error, notEnoughData=NOT_YET)
        self._answers: list[Any] = []
        self._expected = 0
        self._told: Told | None = None
        self._until_s = 0.0
        self._is_late = False
        self._watch: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return self._is_sound and not self._transport.is_closing()

    def exchange(self, packed: Sequence[bytes], expected: int, told: Told) -> None:
        """Tells the answers; an error that Redis answers with is a value among them. Or else tells one of redis-py's
        ConnectionError and TimeoutError (of ANSWER_TIMEOUT_S), or InvalidResponse."""
        self._answers, self._expected, self._told = [], expected, told
        loop = asyncio.get_running_loop()
        self._until_s = loop.time() + ANSWER_TIMEOUT_S
        self._is_late = False
        if self._watch is None:
            self._watch = loop.call_at(self._until_s, self._look)
        self._transport.writelines(packed)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while (answer := self._parser.gets()) is not NOT_YET:
                self._take(answer)
        except InvalidResponse as cause:
            self._fail(cause)
        if self._told is not None and len(self._answers) == self._expected:
            self._tell(self._answers)  # who is told may send the next at once: nothing of this one is left to parse

    def _take(self, answer: Any) -> None:
        if isinstance(answer, PushNotification):
            return
        if len(self._answers) == self._expected:
            self._fail(RedisConnectionError("Redis has answered what nobody has asked"))
        elif isinstance(answer, Exception) and not isinstance(answer, ResponseError):  # such as LOADING
            self._fail(answer)
        else:
            self._answers.append(answer)

    def eof_received(self) -> None:
        self._fail(RedisConnectionError("Redis has closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(RedisConnectionError(f"the connection to Redis is lost: {exc or 'Redis has closed it'}"))
        self._before.connection_lost(exc)  # whoever closes it waits for that
        if self._watch is not None:
            self._watch.cancel()

    def _look(self) -> None:
        """Whether an answer is late. One timer for many exchanges, which nearly all are over long before."""
        loop, self._watch = asyncio.get_running_loop(), None
        if self._told is None:
            return
        if loop.time() < self._until_s:
            self._watch = loop.call_at(self._until_s, self._look)
        elif not self._is_late:  # if the loop stood still, the answer may be there and is read before the next look
            self._is_late = True
            self._watch = loop.call_later(READ_WITHIN_S, self._look)
        else:
            self._fail(RedisTimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s"))

    def _fail(self, error: Exception) -> None:
        self._is_sound = False
        self._tell(error)

    def _tell(self, found: list[Any] | Exception) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(found)
