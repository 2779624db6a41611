"""The demo's connection, against a real server on a real socket."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson
import pytest

from examples.bank_contact_centre.client import Connection, RefusedError, UnreachableError

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
HANG_UP = b""


class Server:
    """Answers each request with the next of the given answers, and remembers what came."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.idle = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.idle.clear()
        try:
            while answer := await self._answer(reader):
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass  # the client has gone
        writer.close()
        await writer.wait_closed()
        self.idle.set()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        self.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
        return self.answers.pop(0)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[Server, Connection]]:
    server = Server(answers)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        async with Connection("127.0.0.1", listening.sockets[0].getsockname()[1], "a-key") as connection:
            yield server, connection
        await server.idle.wait()


async def test_requests_share_one_connection_and_carry_the_key() -> None:
    async with answering(OK + b'{"rank": 1}', OK + b'{"rank": 2}') as (server, connection):
        assert await connection.post("/v1/decisions", {"channel": "call"}) == {"rank": 1}
        assert await connection.get("/v1/scorecard") == {"rank": 2}
    assert server.connections == 1
    posted, got = server.requests
    assert posted.startswith(b"POST /v1/decisions HTTP/1.1\r\n")
    assert b"Authorization: Bearer a-key\r\n" in posted
    assert orjson.loads(posted.partition(b"\r\n\r\n")[2]) == {"channel": "call"}
    assert got.startswith(b"GET /v1/scorecard HTTP/1.1\r\n")


async def test_an_answer_may_come_in_chunks() -> None:
    chunked = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n'
    async with answering(chunked) as (_, connection):
        assert await connection.get("/") == {"a": 1}


async def test_a_server_that_closes_after_its_answer_is_called_again() -> None:
    async with answering(CLOSING, CLOSING) as (server, connection):
        assert await connection.post("/v1/decisions", {}) == {}
        assert await connection.post("/v1/decisions", {}) == {}
    assert server.connections == 2


async def test_a_refusal_says_what_the_problem_document_says() -> None:
    problem = b'{"title": "Unknown code", "detail": "no such code: 7ZZZ", "hint": "read it again"}'
    head = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(problem)
    async with answering(head + problem) as (_, connection):
        with pytest.raises(RefusedError, match="404: Unknown code – no such code: 7ZZZ – read it again"):
            await connection.post("/v1/responses", {})


async def test_a_refusal_that_is_no_problem_document_is_shown_as_it_is() -> None:
    async with answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops") as (_, connection):
        with pytest.raises(RefusedError, match="502: oops"):
            await connection.get("/")


async def test_a_lost_question_is_not_asked_again_because_it_would_decide_twice() -> None:
    async with answering(HANG_UP, CLOSING) as (server, connection):
        with pytest.raises(UnreachableError, match="closed the connection"):
            await connection.post("/v1/decisions", {})
    assert len(server.requests) == 1


async def test_a_lost_answer_is_sent_again_because_repeating_it_changes_nothing() -> None:
    async with answering(HANG_UP, CLOSING) as (server, connection):
        assert await connection.post("/v1/responses", {"code": "7"}, repeatable=True) == {}
    first, second = server.requests
    assert first == second


async def test_nobody_there_is_said_so() -> None:
    async with Connection("127.0.0.1", 1) as connection:
        with pytest.raises(UnreachableError, match="GET /readyz got no answer"):
            await connection.get("/readyz")
