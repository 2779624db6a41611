"""The one way to open a connection to Redis, with every wait bounded.

redis-py retries by default and may then run a pipeline more than once. For the API that is harmless: a commit
knows its own repetition, an interaction appended twice is folded once. A guarded batch must not be repeated
(its END counts what was applied), so workers connect without retries: any failure means takeover.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from hiredis import pack_command
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from profiles.cluster import Cluster, is_cluster
from profiles.errors import OutOfRoom, StoreUnavailable

__all__ = ["UNREACHABLE", "Redis", "connect", "connected", "refusals_as_unavailable", "wait_until_ready"]

RETRIES = 1
BACKOFF_S = 0.02
BACKOFF_MAX_S = 0.2
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 2.0
POOL_TIMEOUT_S = 2.0
"""How long a command waits for a free connection of the pool."""
PROBE_EVERY_S = 0.02

UNREACHABLE = (RedisConnectionError, RedisTimeoutError, OSError)
"""What redis-py raises while Redis is away (LOADING and refused passwords are connection errors too)."""


class _Writing(AbstractConnection):
    """How commands are packed and written; what is here wins over redis-py's own.

    By hiredis, as answers are read: 3 µs for a commit instead of 25. And so that whoever is cancelled while he writes
    is cancelled: redis-py writes under `asyncio.wait_for`, and that of Python 3.11 forgets the cancellation where the
    write is done at once, as nearly all are. A loop over Redis would go on for ever, and with it who waits for its end.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        name, *rest = args
        words = name.split() if isinstance(name, str) else (name,)  # such as CONFIG GET
        return [pack_command((*words, *rest))]

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        command = command.encode() if isinstance(command, str) else command
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([command] if isinstance(command, bytes) else command)
        except BaseException as cause:  # half a command may be written: the connection is of no use any more
            await self.disconnect(nowait=True)
            if isinstance(cause, TimeoutError):
                raise RedisTimeoutError("Timeout writing to socket") from cause
            if isinstance(cause, OSError):
                raise RedisConnectionError(f"Error while writing to socket: {cause}") from cause
            raise


class _Tcp(_Writing, Connection):
    pass


class _Tls(_Writing, SSLConnection):
    pass


class _Unix(_Writing, UnixDomainSocketConnection):
    pass


class _Pool(BlockingConnectionPool):
    """Once it is closed it stays so: redis-py's opens again for whoever asks late, and nobody closes that."""

    _is_closed = False

    async def aclose(self) -> None:
        self._is_closed = True
        await super().aclose()

    async def get_connection(self, *_: Any, **__: Any) -> AbstractConnection:
        self._require_open()
        connection: AbstractConnection = await super().get_connection()  # type: ignore[no-untyped-call]
        try:
            self._require_open()  # it may have been closed meanwhile
        except RedisConnectionError:
            await connection.disconnect(nowait=True)
            await self.release(connection)
            raise
        return connection

    def _require_open(self) -> None:
        if self._is_closed:
            raise RedisConnectionError("the client is closed")


PACKED = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def connect(url: str, *, connections_max: int = 64, retries: int = RETRIES) -> Redis:
    """A client for `unix://`, `redis://` or `rediss://`. Opens nothing before the first command.

    Likewise for a cluster: `redis+cluster://` or `rediss+cluster://` and some of its nodes, with commas between.

    Speaks RESP3 on the wire with answers in the shape of RESP2 (redis-py's default), as bytes.
    Raises ValueError for any other URL.
    """
    if is_cluster(url):
        return Cluster(url, lambda node: connect(node, connections_max=connections_max, retries=retries))
    pool = _Pool.from_url(
        url,
        max_connections=connections_max,
        timeout=POOL_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        decode_responses=False,
        retry=Retry(ExponentialBackoff(cap=BACKOFF_MAX_S, base=BACKOFF_S), retries),
    )
    pool.connection_class = PACKED[pool.connection_class]
    return Redis.from_pool(pool)


@asynccontextmanager
async def connected(url: str, *, retries: int = RETRIES) -> AsyncIterator[Redis]:
    """A client that is closed at the end."""
    redis = connect(url, retries=retries)
    try:
        yield redis
    finally:
        await redis.aclose()


@contextmanager
def refusals_as_unavailable() -> Iterator[None]:
    """Raises StoreUnavailable where redis-py says that Redis is away or refuses to write."""
    try:
        yield
    except OutOfMemoryError as cause:
        raise OutOfRoom(str(cause)) from cause
    except (*UNREACHABLE, ReadOnlyError) as cause:
        raise StoreUnavailable(str(cause)) from cause


async def wait_until_ready(redis: Redis, within_s: float) -> None:
    """Returns when Redis answers and has loaded its data. Raises StoreUnavailable if that takes longer."""
    give_up = time.monotonic() + within_s
    while (reason := await _not_ready(redis)) is not None:
        if time.monotonic() >= give_up:
            raise StoreUnavailable(f"Redis did not answer within {within_s:g} s: {reason}")
        await asyncio.sleep(PROBE_EVERY_S)


async def _not_ready(redis: Redis) -> str | None:
    try:
        await redis.ping()
    except AuthenticationError as cause:
        raise StoreUnavailable(f"Redis refuses the password of its URL: {cause}") from cause
    except BusyLoadingError:
        return "it is still loading its data"
    except (*UNREACHABLE, ResponseError) as cause:
        return str(cause)
    return None
