"""The relay: what stands in the outboxes reaches Kafka in order, and nothing goes that Kafka does not have."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.messages import Message
from consumers.outgoing import position_of
from consumers.relay import FINISH_WITHIN_S, FIRST_AT_ONCE, MOST_AT_ONCE, MOST_BYTES, Relay, next_most
from profiles import keys
from profiles.errors import OutOfRoom
from profiles.store import ACTIONS, DEAD_LETTERS, CustomerStore, Record
from tests.consumers.conftest import SHARDS, Counted

ALL = frozenset(range(SHARDS))


class Kafka:
    """Takes what is sent, or raises. The real one: tests/consumers/test_relay_kafka.py."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.calls: list[list[Message]] = []
        self.raises: Exception | None = None
        self.meanwhile: list[asyncio.Event] = []

    async def send(self, messages: Sequence[Message]) -> None:
        self.calls.append(list(messages))
        if self.raises is not None:
            raise self.raises
        self.taken += messages

    def ids(self, topic: str) -> list[str]:
        return [dict(each.headers)["ce_id"].decode() for each in self.taken if each.topic == topic]


def response(number: int, subject: str = "customer:ada") -> Record:
    return Record("responses", f"r-{number}", subject, b"{}")


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def relay(store: CustomerStore, kafka: Kafka, meter: Counted) -> Relay:
    return Relay(store, lambda: ALL, kafka, meter)


async def waiting(redis: Redis) -> int:
    return sum([await redis.xlen(keys.outbox(shard)) for shard in ALL])


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 (only Redis can tell)
            await asyncio.sleep(0.01)


async def moved_all(relay: Relay) -> int:
    total = 0
    while moved := await relay.move():
        total += moved
    return total


async def test_all_is_moved_in_order_and_cut(
    relay: Relay, store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted
) -> None:
    await store.append(response(number, f"customer:c{number % 9}") for number in range(1_000))

    assert await moved_all(relay) == 1_000
    assert await waiting(redis) == 0
    for which in range(9):
        key = f"customer:c{which}".encode()
        of_one = [dict(each.headers)["ce_id"].decode() for each in kafka.taken if each.key == key]
        assert of_one == [f"r-{number}" for number in range(which, 1_000, 9)]
    assert meter.counts["relay_sent"] == 1_000


async def test_nothing_is_cut_that_was_not_acknowledged(
    relay: Relay, store: CustomerStore, redis: Redis, kafka: Kafka
) -> None:
    await store.append(response(number) for number in range(5))
    kafka.raises = LogUnavailable("away")
    with pytest.raises(LogUnavailable):
        await relay.move()
    assert await waiting(redis) == 5

    kafka.raises = None
    assert await moved_all(relay) == 5
    assert kafka.ids("responses") == [f"r-{number}" for number in range(5)]


async def test_what_comes_while_a_batch_is_sent_stays(
    store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted
) -> None:
    class Slow(Kafka):
        async def send(self, messages: Sequence[Message]) -> None:
            await super().send(messages)
            await store.append([response(len(self.calls) * 100)])

    slow = Slow()
    relay = Relay(store, lambda: ALL, slow, meter)
    await store.append([response(1), response(2)])

    assert await relay.move() == 2
    assert await waiting(redis) == 1
    assert await relay.move() == 1
    assert slow.ids("responses") == ["r-1", "r-2", "r-100"]


async def test_a_failover_that_gives_stream_ids_to_other_records_costs_none(
    store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted
) -> None:
    """The replica that was promoted lacks the end of the outbox, and its clock is behind."""
    shard = store.shard("customer:ada")

    async def add(at: str, number: int) -> None:
        said = response(number)
        fields = {"topic": said.topic, "id": said.id, "subject": said.subject, "schema": "1", "body": said.body}
        await redis.xadd(keys.outbox(shard), fields, id=at)  # type: ignore[arg-type]

    class FailingOver(Kafka):
        async def send(self, messages: Sequence[Message]) -> None:
            await super().send(messages)
            if len(self.calls) == 1:
                await redis.delete(keys.outbox(shard))
                for at, number in (("5-0", 1), ("5-1", 10), ("5-2", 11)):
                    await add(at, number)

    kafka = FailingOver()
    relay = Relay(store, lambda: ALL, kafka, meter)
    for at, number in (("5-0", 1), ("5-1", 2), ("5-2", 3)):
        await add(at, number)
    await relay.move()
    assert await waiting(redis) == 3, "all that Kafka may not have is there"

    await moved_all(relay)
    assert kafka.ids("responses") == ["r-1", "r-2", "r-3", "r-1", "r-10", "r-11"]


@pytest.mark.parametrize("topic", [ACTIONS, DEAD_LETTERS])
async def test_what_stays_for_reading_is_sent_once_and_a_position_is_kept(
    store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted, topic: str
) -> None:
    stream = {ACTIONS: keys.actions, DEAD_LETTERS: keys.dead_letters}[topic](2)
    fields: dict[Any, Any] = {"topic": topic, "subject": "customer:ada", "schema": "1", "body": "{}"}
    ids = [await redis.xadd(stream, {**fields, "id": f"a-{number}"}) for number in range(3)]
    relay = Relay(store, lambda: ALL, kafka, meter)
    await moved_all(relay)
    assert await redis.hget(keys.guard(2), position_of(topic)) == ids[-1]
    assert await redis.xlen(stream) == 3

    await redis.xadd(stream, {**fields, "id": "a-3"})
    await moved_all(Relay(store, lambda: ALL, kafka, meter))
    assert kafka.ids(topic) == ["a-0", "a-1", "a-2", "a-3"]


async def test_a_position_that_redis_has_lost_is_sent_from_again(
    relay: Relay, store: CustomerStore, redis: Redis, kafka: Kafka
) -> None:
    fields: dict[Any, Any] = {"topic": ACTIONS, "subject": "customer:ada", "schema": "1", "body": "{}"}
    first = await redis.xadd(keys.actions(1), {**fields, "id": "a-0"})
    await redis.xadd(keys.actions(1), {**fields, "id": "a-1"})
    await moved_all(relay)

    await redis.hset(keys.guard(1), position_of(ACTIONS), first)
    await redis.xadd(keys.actions(1), {**fields, "id": "a-2"})
    await moved_all(relay)
    assert kafka.ids(ACTIONS) == ["a-0", "a-1", "a-2", "a-1", "a-2"]


async def test_two_relays_lose_nothing_and_keep_the_order(
    store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted
) -> None:
    await store.append(response(number) for number in range(300))
    relays = [Relay(store, lambda: ALL, kafka, meter) for _ in range(2)]
    while await waiting(redis):
        await asyncio.gather(*(each.move() for each in relays))

    assert list(dict.fromkeys(kafka.ids("responses"))) == [f"r-{number}" for number in range(300)]


async def test_a_response_is_sent_when_its_decision_is_there(relay: Relay, store: CustomerStore, kafka: Kafka) -> None:
    said = [
        Record("decisions", "d-1", "customer:ada", b"{}"),
        response(1),
        Record("decisions", "d-2", "customer:ada", b"{}"),
    ]
    await store.append(said)
    await relay.move()

    assert [[each.topic for each in call] for call in kafka.calls] == [["decisions", "decisions"], ["responses"]]


async def test_an_erasure_goes_by_itself(relay: Relay, store: CustomerStore, kafka: Kafka) -> None:
    erasure = Record("erasures", "receipt", "customer:ada", b"{}")
    await store.append([response(1), response(2), erasure, response(3)])
    await moved_all(relay)

    topics = [[each.topic for each in call] for call in kafka.calls]
    assert topics == [["responses", "responses"], ["erasures"], ["responses"]]


async def test_what_is_no_event_goes_on_as_it_is(relay: Relay, store: CustomerStore, kafka: Kafka) -> None:
    """Whoever folds it makes a dead letter of it."""
    await store.append(Record("interactions", "x", "customer:ada", body) for body in (b"{", b"[1]"))
    await moved_all(relay)

    assert [each.value for each in kafka.taken] == [b"{", b"[1]"]


async def test_a_record_of_no_topic_stays_and_is_said(relay: Relay, store: CustomerStore, redis: Redis) -> None:
    await store.append([Record("gossip", "g-1", "customer:ada", b"{}")])

    with pytest.raises(LogMisfit, match="there is no topic `gossip` for the record g-1 in the outbox of shard"):
        await relay.move()
    assert await waiting(redis) == 1


async def test_depth_and_age_are_told(relay: Relay, store: CustomerStore, meter: Counted) -> None:
    await relay.look()
    assert (meter.gauges["relay_waiting"], meter.gauges["relay_oldest_seconds"]) == (0, 0)

    await store.append(response(number, f"customer:c{number}") for number in range(7))
    await asyncio.sleep(0.02)
    await relay.look()
    assert meter.gauges["relay_waiting"] == 7
    assert 0.01 < meter.gauges["relay_oldest_seconds"] < 10


def test_large_records_are_read_in_smaller_batches() -> None:
    assert next_most(FIRST_AT_ONCE, []) == 2 * FIRST_AT_ONCE
    assert next_most(MOST_AT_ONCE, []) == MOST_AT_ONCE


async def test_batches_shrink_with_the_size_of_records(relay: Relay, store: CustomerStore, kafka: Kafka) -> None:
    large = Record("responses", "r", "customer:ada", bytes(MOST_BYTES // 4))
    await store.append([large] * 30)
    await moved_all(relay)

    assert [len(call) for call in kafka.calls][:3] == [FIRST_AT_ONCE, 4, 4]


async def test_it_waits_through_trouble_and_goes_on(
    relay: Relay, store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted
) -> None:
    await store.append(response(number) for number in range(3))
    kafka.raises = LogMisfit("too large", hint="mend it")
    running = asyncio.create_task(relay.run())

    async def refused() -> bool:
        return meter.gauges.get("relay_misfit") == 1 and len(kafka.calls) >= 3

    async def empty() -> bool:
        return await waiting(redis) == 0

    await until(refused)
    assert await waiting(redis) == 3
    kafka.raises = None
    await until(empty)
    assert meter.counts["relay_failures"] >= 3
    relay.stop()
    await running
    assert meter.gauges["relay_misfit"] == 0


async def test_stopping_does_not_wait_for_kafka(store: CustomerStore, redis: Redis, meter: Counted) -> None:
    class Hanging(Kafka):
        async def send(self, messages: Sequence[Message]) -> None:
            await super().send(messages)
            await asyncio.Event().wait()

    kafka = Hanging()
    relay = Relay(store, lambda: ALL, kafka, meter)
    await store.append([response(1)])
    running = asyncio.create_task(relay.run())

    async def is_sending() -> bool:
        return bool(kafka.calls)

    await until(is_sending)
    relay.stop()
    async with asyncio.timeout(FINISH_WITHIN_S + 2):
        await running
    assert await waiting(redis) == 1


async def test_a_redis_that_is_full_gets_room_again(
    store: CustomerStore, redis: Redis, kafka: Kafka, meter: Counted
) -> None:
    """Cutting needs no memory: what waits for Kafka must not keep Redis from taking it away."""
    fields: dict[Any, Any] = {"topic": ACTIONS, "subject": "customer:ada", "schema": "1", "body": "{}"}
    await redis.xadd(keys.actions(1), {**fields, "id": "a-0"})
    await store.append(response(number, f"customer:c{number}") for number in range(40))
    await redis.config_set("maxmemory", "100kb")
    try:
        with pytest.raises(OutOfRoom):
            await store.append([response(1)])
        await moved_all(Relay(store, lambda: ALL, kafka, meter))
    finally:
        await redis.config_set("maxmemory", "0")
    assert await waiting(redis) == 0
    assert kafka.ids(ACTIONS) == ["a-0"]
    assert sorted(kafka.ids("responses")) == sorted(f"r-{number}" for number in range(40))
