"""How far the workers are behind, seen from somebody who appends much at once."""

from collections.abc import Sequence

from redis.asyncio import Redis

from consumers.backlog import Backlog
from consumers.kafka.messages import Message
from consumers.relay import Relay
from profiles import keys
from profiles.store import CustomerStore, Record
from tests.consumers.conftest import SHARDS, Counted, MakeWorker


async def append(store: CustomerStore, backlog: Backlog, number: int) -> None:
    records = [Record("interactions", f"t#{number}-{each}", f"customer:c{each}", b"{}") for each in range(5)]
    await store.append(records)
    await backlog.appended({store.shard(each.subject) for each in records})


async def test_only_so_many_batches_wait_for_the_workers(store: CustomerStore, worker: MakeWorker) -> None:
    backlog = Backlog(store, 3)
    await backlog.begin()
    await append(store, backlog, 1)
    assert await backlog.has_room()
    await append(store, backlog, 2)
    assert await backlog.has_room(), "what was there before is nothing"
    await append(store, backlog, 3)
    assert not await backlog.has_room()
    loop = worker()
    while not await backlog.has_room():
        await loop.step()
    assert any(backlog.positions.values())


async def test_what_was_there_before_counts_too(store: CustomerStore, worker: MakeWorker) -> None:
    await append(store, Backlog(store, 1), 0)
    backlog = Backlog(store, 1)
    await backlog.begin()
    assert not await backlog.has_room()
    loop = worker()
    while not await backlog.has_room():
        await loop.step()


async def test_what_a_failover_has_cut_is_not_waited_for(store: CustomerStore, redis: Redis) -> None:
    backlog = Backlog(store, 1)
    await append(store, backlog, 0)
    assert not await backlog.has_room()
    for shard in range(store.shards):
        await redis.delete(keys.outbox(shard))
    assert await backlog.has_room()


async def test_what_the_relay_has_moved_is_not_waited_for(store: CustomerStore, redis: Redis, meter: Counted) -> None:
    class Kafka:
        async def send(self, messages: Sequence[Message]) -> None: ...

    backlog = Backlog(store, 1)
    await append(store, backlog, 0)
    assert not await backlog.has_room()
    await store.append([Record("interactions", f"later-{n}", f"customer:c{n}", b"{}") for n in range(30)])
    assert not await backlog.has_room()
    relay = Relay(store, lambda: frozenset(range(SHARDS)), Kafka(), meter)
    await relay.move()
    assert sum([await redis.xlen(keys.outbox(shard)) for shard in range(SHARDS)]) > 0, "later ones still wait"
    assert await backlog.has_room()
