"""Back-pressure: interactions stop before Redis is full, decisions and responses when it is, and each says so."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from app.room import Room
from profiles import keys
from profiles.connection import connect, connected
from profiles.store import CustomerStore, Record
from tests.app.serving import Api, api_on
from tests.servers import RedisServer

MB = 1 << 20
MAXMEMORY_MB = 50


@pytest.fixture
async def small() -> AsyncIterator[RedisServer]:
    with RedisServer("--maxmemory", f"{MAXMEMORY_MB}mb", "--maxmemory-policy", "noeviction") as server:
        yield server


async def fill(server: RedisServer, megabytes: int) -> None:
    async with connected(server.url) as redis:
        for _ in range(megabytes):
            await redis.rpush("filler", bytes(MB))


async def until(status: int, call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    give_up = time.monotonic() + 10
    while (answer := await call()).status_code != status:
        assert time.monotonic() < give_up, f"{answer.status_code} instead of {status}: {answer.text}"
        await asyncio.sleep(0.05)
    return answer


def kind(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["type"], answer.headers["retry-after"]


async def test_a_redis_that_fills_up(small: RedisServer) -> None:
    async with api_on(small.url) as api:
        assert (await api.ingest(10)).status_code == 202
        code = (await api.decide()).json()["treatments"][0]["code"]

        await fill(small, 42)
        refused = await until(429, api.ingest)
        assert kind(refused) == (429, "/problems/no-room", "5")
        assert refused.headers["content-type"] == "application/problem+json"
        assert "of the memory that it may have" in refused.json()["detail"]
        assert (await api.decide("bob")).status_code == 200
        assert (await api.respond(code)).status_code == 202

        await full(small)
        for answer in (await api.decide("eve"), await api.respond(code, "accepted")):
            assert kind(answer) == (503, "/problems/store-full", "5")
        assert (await api.ingest()).status_code == 429

        await emptied(small)
        await until(202, api.ingest)
        assert (await api.decide("eve")).status_code == 200
        assert (await api.respond(code, "accepted")).status_code == 202


async def full(server: RedisServer) -> None:
    """Redis refuses every write that could need memory."""
    async with connected(server.url) as redis:
        await redis.config_set("maxmemory", "100kb")


async def emptied(server: RedisServer) -> None:
    async with connected(server.url) as redis:
        await redis.config_set("maxmemory", f"{MAXMEMORY_MB}mb")
        await redis.delete("filler")


async def test_an_interaction_that_finds_redis_full_before_the_next_look_is_told_so(small: RedisServer) -> None:
    async with connected(small.url) as redis:
        store = await CustomerStore.open(redis, 4)
    async with api_on(small.url) as api:
        assert (await api.ingest()).status_code == 202
        await full(small)
        answer = await api.ingest()
        assert answer.json()["type"] in ("/problems/store-full", "/problems/no-room")
    assert store.shards == 4


async def test_a_full_redis_can_be_opened_again(small: RedisServer) -> None:
    async with connected(small.url) as redis:
        await CustomerStore.open(redis, 4)
        await full(small)
        assert (await CustomerStore.open(redis, 9)).shards == 4


async def records_wait(api: Api) -> httpx.Response:
    return await until(429, lambda: api.ingest(20))


async def test_where_redis_has_no_bound_the_outboxes_have_one(redis_url: str) -> None:
    async with api_on(redis_url, OUTBOX_MOST="300", KAFKA="127.0.0.1:1") as api:
        refused = await records_wait(api)
        assert kind(refused) == (429, "/problems/no-room", "5")
        assert "records wait in the outboxes, more than the 300 that are allowed" in refused.json()["detail"]
        assert (await api.decide()).status_code == 200

        async with connected(redis_url) as redis:
            for shard in range(4):
                await redis.xtrim(keys.outbox(shard), maxlen=0)
        await until(202, api.ingest)


async def test_folded_records_that_are_kept_wait_for_nobody(redis_url: str) -> None:
    async with connected(redis_url) as redis:
        store = await CustomerStore.open(redis, 1)
        await store.append(Record("interactions", f"e-{n}", "customer:ada", b"{}") for n in range(1_000))
        for most, kept, expected in ((0, 1_000, True), (0, 999, False), (1, 999, True)):
            room = Room(store, most, kept)
            await room.look()
            assert (room.why_none is None) is expected, (most, kept)


async def test_while_nothing_is_known_there_is_room(redis_url: str) -> None:
    async with connected(redis_url) as redis:
        shards = (await CustomerStore.open(redis, 4)).shards
    away = connect("unix:///nowhere.sock")
    async with Room(CustomerStore(away, shards), 0, 0).watched() as room:
        room.require()
    await away.aclose()
