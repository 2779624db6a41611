"""What may come on a connection instead of the answers. The other end is a socket that says what a test wants."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvloop
from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, InvalidResponse, NoScriptError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from profiles.connection import connected
from profiles.wire import Wire

PING = pack_command(("PING",))


@asynccontextmanager
async def wire_to(path: Path, said: bytes, closes: bool = False) -> AsyncIterator[Wire]:
    """A wire whose other end answers the first that comes with `said`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(said)
        await writer.drain()
        if not closes:
            await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        _, writer = await asyncio.open_unix_connection(path)
        wire = Wire(cast("AbstractConnection", SimpleNamespace(_writer=writer)))
        try:
            yield wire
        finally:
            writer.close()
            await writer.wait_closed()  # who closes a connection is told that it is closed


async def asked(wire: Wire, *packed: bytes) -> list[Any]:
    told: asyncio.Future[list[Any] | Exception] = asyncio.get_running_loop().create_future()
    wire.exchange(packed, len(packed), told.set_result)
    found = await told
    if isinstance(found, Exception):
        raise found
    return found


async def test_answers_are_in_order_and_an_error_of_redis_is_one_of_them(tmp_path: Path) -> None:
    push = b">2\r\n$3\r\nnow\r\n$4\r\nthis\r\n"
    async with wire_to(tmp_path / "s", b"+ONE\r\n" + push + b"-NOSCRIPT no such script\r\n:3\r\n") as wire:
        one, error, three = await asked(wire, PING, PING, PING)
        assert (one, three, wire.is_open) == (b"ONE", 3, True)
        assert isinstance(error, NoScriptError)


@pytest.mark.parametrize(
    ("said", "closes", "error"),
    [
        (b"?nonsense\r\n", False, InvalidResponse),
        (b"-LOADING Redis is loading the dataset in memory\r\n", False, BusyLoadingError),
        (b"+ONE\r\n$100\r\nhalf an answ", True, RedisConnectionError),
        (b"", True, RedisConnectionError),
        (b"+ONE\r\n", False, RedisTimeoutError),
    ],
)
async def test_what_is_no_answer_ends_the_exchange_and_the_use_of_the_wire(
    tmp_path: Path, said: bytes, closes: bool, error: type[Exception]
) -> None:
    async with wire_to(tmp_path / "s", said, closes) as wire:
        with pytest.raises(error):
            await asked(wire, PING, PING)
        assert not wire.is_open


async def test_a_wire_on_which_something_comes_that_nobody_asked_for_is_not_used_again(tmp_path: Path) -> None:
    async with wire_to(tmp_path / "s", b"+ONE\r\n+TWO\r\n") as wire:
        with pytest.raises(RedisConnectionError):
            await asked(wire, PING)
        assert not wire.is_open


async def test_a_connection_that_its_owner_closes_is_not_used_again(redis_url: str) -> None:
    async with connected(redis_url) as redis:
        connection = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        wire = Wire(connection)
        assert await asked(wire, PING) == [b"PONG"]
        await connection.disconnect()  # waits until it is told that it is closed
        assert not wire.is_open


async def test_one_timer_watches_many_exchanges_and_the_last_has_all_of_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("profiles.wire.ANSWER_TIMEOUT_S", 0.4)
    async with wire_to(tmp_path / "s", b"+ONE\r\n") as wire:
        assert await asked(wire, PING) == [b"ONE"]
        await asyncio.sleep(0.2)
        began = asyncio.get_running_loop().time()
        with pytest.raises(RedisTimeoutError):
            await asked(wire, PING)
        assert 0.39 <= asyncio.get_running_loop().time() - began < 2


class Hog(asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        time.sleep(0.5)


def test_an_answer_that_came_while_the_loop_stood_still_is_not_late(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On uvloop, which the service runs on and which looks at timers after what it has read, and before it reads."""
    monkeypatch.setattr("profiles.wire.ANSWER_TIMEOUT_S", 0.3)

    async def stand_still() -> list[Any]:
        ours, others = socket.socketpair()
        hog, _ = await asyncio.get_running_loop().create_connection(Hog, sock=ours)
        async with connected(redis_url) as redis:
            wire = Wire(await redis.connection_pool.get_connection())  # type: ignore[no-untyped-call]
            asking = asyncio.create_task(asked(wire, pack_command(cast("tuple[Any]", ("DEBUG", "SLEEP", "0.05")))))
            asyncio.get_running_loop().call_later(0.01, others.send, b"x")
            try:
                return await asking
            finally:
                await wire.connection.disconnect(nowait=True)
                hog.close()
                others.close()

    assert uvloop.run(stand_still()) == [b"OK"]
