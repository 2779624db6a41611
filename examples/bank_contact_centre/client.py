"""One keep-alive connection to the API: a request at a time, JSON both ways.

Promises that an answer is either a 2xx or an error that says what the service said. A request is sent again
only where the caller says that repeating it changes nothing, and only when the connection was lost.
Exists because the client shares two cores with the service: httpx takes about 1 ms of CPU for a request, this
about 0.1 ms.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import httptools
import orjson

PATIENCE_S = 30.0
READ_BYTES = 65_536


class ApiError(Exception):
    """The API could not be reached, or did not do what it was asked."""


class UnreachableError(ApiError):
    """The connection was refused, lost or too slow."""


class RefusedError(ApiError):
    """An answer that is not a 2xx."""

    def __init__(self, status: int, asked: str, body: bytes) -> None:
        super().__init__(f"{asked} was answered with {status}: {_said(body)}")
        self.status = status


def _said(body: bytes) -> str:
    """What a problem document says, or the body as it is."""
    try:
        problem = orjson.loads(body)
        sentences = [problem[part] for part in ("title", "detail", "hint") if problem.get(part)]
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        return body[:500].decode(errors="replace")
    return " – ".join(sentences) or body[:500].decode(errors="replace")


class Connection:
    def __init__(self, host: str, port: int, key: str = "") -> None:
        self._host, self._port = host, port
        authorization = f"Authorization: Bearer {key}\r\n" if key else ""
        self._headers = f"Host: {host}:{port}\r\n{authorization}Accept: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._streams is None:
            return
        writer, self._streams = self._streams[1], None
        writer.close()
        with suppress(OSError):  # the other side has already gone
            await writer.wait_closed()

    async def get(self, path: str) -> Any:
        return await self._request("GET", path, b"", repeatable=True)

    async def post(self, path: str, body: object, *, repeatable: bool = False) -> Any:
        return await self._request("POST", path, orjson.dumps(body), repeatable=repeatable)

    async def _request(self, method: str, path: str, body: bytes, *, repeatable: bool) -> Any:
        """The JSON of the answer. Raises RefusedError and UnreachableError."""
        try:
            status, answer = await self._exchange(method, path, body)
        except UnreachableError:
            if not repeatable:
                raise
            status, answer = await self._exchange(method, path, body)
        if not 200 <= status < 300:
            raise RefusedError(status, f"{method} {path}", answer)
        return orjson.loads(answer) if answer else None

    async def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._send(f"{head}\r\n".encode() + body)
        except (OSError, httptools.HttpParserError) as cause:  # TimeoutError is an OSError
            await self.close()
            raise UnreachableError(f"{method} {path} got no answer: {cause or type(cause).__name__}") from cause

    async def _send(self, message: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(message)
        answer = Answer()
        while not answer.complete:
            received = await reader.read(READ_BYTES)
            if not received:
                raise ConnectionResetError("the service closed the connection")
            answer.parser.feed_data(received)
        if not answer.keep_alive:
            await self.close()
        return answer.parser.get_status_code(), bytes(answer.body)


class Answer:
    """Collects one answer; `httptools` calls the methods named `on_…`."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.body = bytearray()
        self.complete = False
        self.keep_alive = False

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()  # the parser knows it only here
