"""A Redis Cluster as one Redis: commands, scans and reads that wait over several nodes, and slots that move."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from profiles import keys
from profiles.cluster import Cluster
from profiles.cluster_trip import trip_on
from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.registry import Registry
from profiles.store import CustomerStore, Record
from tests.redis_cluster import RedisCluster

SHARDS = 16


@pytest.fixture
async def redis(redis_cluster: RedisCluster) -> AsyncIterator[Redis]:
    redis_cluster.flush()
    async with connected(redis_cluster.url, retries=0) as client:
        yield client


@pytest.fixture
async def store(redis: Redis) -> CustomerStore:
    return await CustomerStore.open(redis, SHARDS)


def said(store: CustomerStore, name: str) -> Record:
    return Record("interactions", name, f"customer:{name}", b"{}")


async def test_all_shards_are_written_and_read_in_one_trip(store: CustomerStore, redis: Redis) -> None:
    assert isinstance(redis, Cluster)
    await store.append(said(store, f"c{number}") for number in range(200))
    trip = store.scripts.batch()
    for shard in range(SHARDS):
        trip.add("XLEN", keys.outbox(shard))
    assert sum(await trip.run()) == 200
    assert len({redis.address(("XLEN", keys.outbox(shard))) for shard in range(SHARDS)}) == 3


async def test_a_scan_goes_through_all_nodes(store: CustomerStore, redis: Redis) -> None:
    for number in range(300):
        await redis.set(f"k{number}", "x")
    found, cursor = [], 0
    while True:
        trip = store.scripts.batch()
        trip.add("SCAN", cursor, "MATCH", "k*", "COUNT", 20)
        ((cursor, names),) = await trip.run()
        found += names
        if cursor == 0:
            break
    assert {each.decode() for each in found} == {f"k{number}" for number in range(300)}


async def test_what_comes_to_any_stream_ends_the_waiting(store: CustomerStore, redis: Redis) -> None:
    streams = [keys.outbox(shard) for shard in range(SHARDS)]
    trip, began = trip_on(redis), time.monotonic()
    await trip.send([("XREAD", "COUNT", 10, "BLOCK", 5_000, "STREAMS", *streams, *["0"] * SHARDS)])
    waiting = asyncio.create_task(trip.answers(5.0))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await store.append([said(store, "ada")])
    (found,) = await waiting
    assert [name.decode() for name, _ in found] == [keys.outbox(store.shard("customer:ada"))]
    assert time.monotonic() - began < 4


async def test_nothing_comes(store: CustomerStore) -> None:
    batch = store.scripts.batch()
    batch.add("XREAD", "COUNT", 1, "BLOCK", 100, "STREAMS", keys.outbox(0), keys.outbox(1), "0", "0")
    batch.add("TIME")
    found, now = await batch.run()
    assert not found
    assert int(now[0]) > 0


async def test_a_node_that_has_forgotten_the_scripts_is_told_them(
    store: CustomerStore, redis_cluster: RedisCluster
) -> None:
    redis_cluster.say(1, "SCRIPT", "FLUSH")
    names = [f"c{number}" for number in range(50)]
    await store.append(said(store, name) for name in names)
    trip = store.scripts.batch()
    for shard in range(SHARDS):
        trip.add("XLEN", keys.outbox(shard))
    assert sum(await trip.run()) == 50, "nothing is said twice"


async def test_too_few_replicas_are_noticed_on_every_node(redis: Redis) -> None:
    store = await CustomerStore.open(redis, SHARDS, replicas=1)
    with pytest.raises(StoreUnavailable, match="0 of 1 replicas"):
        await store.append(said(store, f"c{number}") for number in range(20))


async def test_documents_without_a_tag_are_found(redis: Redis) -> None:
    registry = Registry(redis)
    for name in ("policies", "keys", "loads", "stock:offer:mug"):
        await registry.put(name, "one", b"x")
        assert await registry.all(name) == {"one": b"x"}
        assert await registry.delete(name, "one")


@pytest.fixture
def moved(redis_cluster: RedisCluster) -> Iterator[int]:
    """A shard whose slot has gone to another node since the client has asked; it is brought back."""
    shard = 3
    slot = key_slot(keys.tag(shard).encode())
    owner = next(n for n in range(3) if n * 16_384 // 3 <= slot <= (n + 1) * 16_384 // 3 - 1)
    yield shard
    _move(redis_cluster, slot, owner)


def _move(cluster: RedisCluster, slot: int, to: int) -> None:
    """An empty slot: nothing has to be carried."""
    to_id = str(cluster.say(to, "CLUSTER", "MYID"), "ascii")  # type: ignore[call-overload]
    for node in (to, *(n for n in range(3) if n != to)):
        cluster.say(node, "CLUSTER", "SETSLOT", slot, "NODE", to_id)


async def test_a_slot_that_has_moved_is_followed(
    store: CustomerStore, redis: Redis, redis_cluster: RedisCluster, moved: int
) -> None:
    slot = key_slot(keys.tag(moved).encode())
    assert isinstance(redis, Cluster)
    await redis.learn()
    before = redis.address(("XLEN", keys.outbox(moved)))
    _move(redis_cluster, slot, (redis_cluster.ports.index(before[1]) + 1) % 3)
    trip = trip_on(redis)
    await trip.send([("XLEN", keys.outbox(moved))])
    with pytest.raises(StoreUnavailable, match="a slot has moved"):  # a worker begins again
        await trip.answers()
    batch = store.scripts.batch()
    batch.call("append", [keys.outbox(moved)], ["interactions", "e", "customer:x", b"{}"])
    assert await batch.run() == [1]
    assert redis.address(("XLEN", keys.outbox(moved))) != before
    await redis.delete(keys.outbox(moved))
