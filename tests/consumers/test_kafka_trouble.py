"""What goes wrong with Kafka is LogUnavailable, whatever the client and the event loop call it."""

import asyncio
import contextlib

import pytest
import uvloop
from aiokafka.errors import KafkaConnectionError

from consumers.kafka.connection import trouble_named
from consumers.kafka.errors import LogUnavailable

SERVERS = ("broker:9092",)


@pytest.mark.parametrize("trouble", [KafkaConnectionError("x"), OSError("x"), TimeoutError()])
async def test_it_is_named(trouble: Exception) -> None:
    with pytest.raises(LogUnavailable, match="broker:9092"):
        async with trouble_named(SERVERS, 5):
            raise trouble


async def test_a_defect_is_not() -> None:
    with pytest.raises(RuntimeError, match="ours"):
        async with trouble_named(SERVERS, 5):
            raise RuntimeError("ours")


def test_a_write_to_a_connection_that_was_just_closed() -> None:
    """uvloop, on which workers run, raises RuntimeError."""

    async def story() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.transport.abort()
        await asyncio.sleep(0.05)
        try:
            with pytest.raises(LogUnavailable, match="broker:9092 has closed the connection"):
                async with trouble_named(SERVERS, 5):
                    writer.write(b"x")
        finally:
            server.close()
            with contextlib.suppress(OSError):
                await server.wait_closed()

    uvloop.run(story())
