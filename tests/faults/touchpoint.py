"""An HTTP client that costs little: clients share the cores with what they test, and httpx would take most of one.

Connections are kept open while they are used. Nothing is sent again here: who calls knows whether that does harm.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

ANSWER_WITHIN_S = 10.0
KEPT_OPEN_S = 2.0
"""Less than uvicorn keeps an idle connection open, so that no call is sent into one that it closes."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any

    @property
    def is_success(self) -> bool:
        return self.status < 300


@dataclass(frozen=True, slots=True)
class _Open:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since_s: float = 0.0
    """By the loop's clock, since when nobody uses it."""


class Touchpoint:
    def __init__(self, url: str, token: str) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname or "", where.port or 80
        self._head = f"Host: {where.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._idle: list[_Open] = []

    async def post(self, path: str, said: Any) -> Answer:
        """Raises OSError (TimeoutError among them) and EOFError where no whole answer has come."""
        body = orjson.dumps(said)
        async with asyncio.timeout(ANSWER_WITHIN_S), self._connection() as (reader, writer):
            head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            length = next((int(each[15:]) for each in lines if each.lower().startswith("content-length:")), 0)
            answered = await reader.readexactly(length)
        return Answer(int(first.split(" ", 2)[1]), orjson.loads(answered) if answered else None)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """It is kept only if all has gone well."""
        clock = asyncio.get_running_loop().time
        while self._idle and clock() - self._idle[-1].since_s > KEPT_OPEN_S:
            self._idle.pop().writer.close()
        used = self._idle.pop() if self._idle else _Open(*await asyncio.open_connection(self._host, self._port))
        try:
            yield used.reader, used.writer
        except BaseException:
            used.writer.close()
            raise
        self._idle.append(_Open(used.reader, used.writer, clock()))

    def close(self) -> None:
        while self._idle:
            self._idle.pop().writer.close()
