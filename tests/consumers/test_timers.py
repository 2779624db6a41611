"""Timers through Redis and workers: set, replaced, cancelled; fired once, in order, in time, whoever dies."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import orjson
import pytest
import yaml
from redis.asyncio import Redis

from app import ROOT
from app.checking import check_folder
from app.publishing import PolicyStore
from consumers.timers import MOST_AT_ONCE, Timers, interaction_of, record_of
from profiles import keys
from profiles.registry import Registry
from profiles.store import CustomerStore
from schemas.interaction import LONGEST_ID, CloudEvent
from tests.builders import CATALOGUE, DAY, HOUR, MINUTE, NOON_MS, SHOP, interaction, live, purchase
from tests.consumers.conftest import SHARDS, Counted, MakeWorker
from tests.consumers.test_loop import drained, said

ALICE = "customer:alice"
PATIENCE_S = 60.0
RULES = [
    {
        "id": "rescue",
        "when": {"after": "page_view", "absent": "purchase", "within": "30m"},
        "act": [{"call_list": "x", "note": "{event.id}"}],
    }
]
POLICY = live(rules=RULES)
EVERYWHERE = frozenset(range(SHARDS))


@pytest.fixture
def timers(store: CustomerStore, meter: Counted) -> Timers:
    return Timers(store, lambda: EVERYWHERE, meter)


async def rescues(redis: Redis, subject: str = ALICE) -> dict[str, float]:
    """The timers of the rule that are set for somebody."""
    found: dict[str, float] = {}
    for shard in range(SHARDS):
        entries: Any = await redis.zrange(keys.timers(shard), 0, -1, withscores=True)
        found |= {name.decode(): due for name, due in entries}
    return {name: due for name, due in found.items() if name.startswith(f"{subject}|after:")}


async def done(redis: Redis) -> list[str]:
    """What is in the streams of actions."""
    found = []
    for shard in range(SHARDS):
        entries: Any = await redis.xrange(keys.actions(shard))
        found += [orjson.loads(fields[b"body"])["text"] for _, fields in entries]
    return found


async def eventually(what: str, holds: Callable[[], Any]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < give_up, what
        await asyncio.sleep(0.05)


async def test_set_replaced_and_cancelled_in_the_commit(
    redis: Redis, store: CustomerStore, worker: MakeWorker, timers: Timers
) -> None:
    loop = worker(policy=POLICY)
    await store.append([said(interaction(id="a"))])
    await drained(loop)
    assert await rescues(redis) == {f"{ALICE}|after:rescue": NOON_MS + 30 * MINUTE}
    await store.append([said(interaction(at_ms=NOON_MS + MINUTE, id="b"))])
    await drained(loop)
    assert await rescues(redis) == {f"{ALICE}|after:rescue": NOON_MS + 31 * MINUTE}
    await store.append([said(purchase(1, NOON_MS + 2 * MINUTE))])
    await drained(loop)
    assert await rescues(redis) == {}
    assert (await store.read(ALICE)).profile.pending == {}
    await timers.fire_due(NOON_MS + DAY)
    await drained(loop)
    assert await done(redis) == []


async def test_a_timer_outlives_its_worker(
    redis: Redis, store: CustomerStore, worker: MakeWorker, timers: Timers
) -> None:
    await store.append([said(interaction(id="a"))])
    await drained(worker("one", POLICY))
    await timers.fire_due(NOON_MS + HOUR)
    await drained(worker("two", POLICY))
    await drained(worker("three", POLICY))
    assert await done(redis) == ["a"]


async def test_a_purchase_that_is_in_the_log_before_the_timer_counts(
    redis: Redis, store: CustomerStore, worker: MakeWorker, timers: Timers
) -> None:
    """No worker folded for a while: the timer fired although the purchase was there, and is judged after it."""
    await store.append([said(interaction(id="a"))])
    await drained(worker("one", POLICY))
    await store.append([said(purchase(1, NOON_MS + MINUTE))])
    assert await timers.fire_due(NOON_MS + HOUR) >= 1
    await drained(worker("two", POLICY))
    assert await done(redis) == []


async def test_two_that_look_at_once_fire_once(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    people = [f"customer:{n}" for n in range(50)]
    loop = worker(policy=POLICY)
    await store.append(said(interaction(subject=each, id=each)) for each in people)
    await drained(loop)
    several = [Timers(store, lambda: EVERYWHERE, meter) for _ in range(3)]
    fired = await asyncio.gather(*(each.fire_due(NOON_MS + HOUR) for each in several))
    assert sum(fired) == 2 * len(people) == meter.counts["timers_fired"]  # the visit ends as well
    await drained(loop)
    assert sorted(await done(redis)) == sorted(people)


async def test_late_ones_fire_in_order_and_at_once(redis: Redis, store: CustomerStore, meter: Counted) -> None:
    """After an outage there are more than one look takes; nothing waits for the next look."""
    number = MOST_AT_ONCE * 4 + 7
    order = [secrets.randbelow(10**9) + 1 for _ in range(number)]
    for due in order:
        await redis.zadd(keys.timers(0), {f"customer:{due}|after:x": due})
    timers = Timers(store, lambda: EVERYWHERE, meter)
    started = time.monotonic()
    running = asyncio.create_task(timers.run())

    async def all_fired() -> bool:
        return bool(await redis.xlen(keys.outbox(0)) == number)

    await eventually("all timers have fired", all_fired)
    timers.stop()
    await running
    entries: Any = await redis.xrange(keys.outbox(0))
    assert [int(f[b"id"].rpartition(b"@")[2]) for _, f in entries] == sorted(order)
    assert time.monotonic() - started < PATIENCE_S


async def test_a_timer_fires_soon_after_its_time(
    redis: Redis, store: CustomerStore, worker: MakeWorker, meter: Counted
) -> None:
    soon = [{**RULES[0], "when": {"after": "page_view", "absent": "purchase", "within": "1s"}}]
    loop = worker(policy=live(rules=soon))
    timers = Timers(store, lambda: loop.owned, meter)
    running = [asyncio.create_task(loop.run()), asyncio.create_task(timers.run())]
    happened_ms = int(time.time() * 1000)
    await store.append([said(interaction(at_ms=happened_ms, id="a"))])

    async def one_is_done() -> bool:
        return await done(redis) == ["a"]

    await eventually("the action is taken", one_is_done)
    loop.stop()
    timers.stop()
    await asyncio.gather(*running)
    entries: Any = await redis.xrange(keys.actions(store.shard(ALICE)))
    late_ms = int(entries[0][0].partition(b"-")[0]) - happened_ms - 1_000
    assert 0 <= late_ms < 5_000  # a machine that does much else; it is about 200 ms


async def test_an_inactive_customer_is_noticed_once(
    redis: Redis, store: CustomerStore, worker: MakeWorker, timers: Timers
) -> None:
    policy = live(rules=[{"id": "gone", "when": {"inactive": "30d"}, "act": [{"call_list": "x", "note": "gone"}]}])
    loop = worker(policy=policy)
    await store.append([said(interaction(id="a")), said(interaction(at_ms=NOON_MS + 5 * DAY, id="b"))])
    await drained(loop)
    for days in (30, 34, 35, 36, 100):
        await timers.fire_due(NOON_MS + days * DAY)
        await drained(loop)
        assert await done(redis) == (["gone"] if days >= 35 else []), days


async def test_the_timer_of_somebody_with_a_long_id_is_an_event_like_any_other() -> None:
    long, short = f"customer:{'x' * 200}", "customer:x"
    for subject in (long, short):
        record = record_of(f"{subject}|session:web", NOON_MS)
        assert len(record.id) <= LONGEST_ID
        assert CloudEvent.model_validate_json(record.body).data == {"timer": "session:web"}
    assert interaction_of(short, "session:web", 5).id == "customer:x|session:web@5"
    assert interaction_of(long, "session:web", 5).id != interaction_of(long, "session:app", 5).id


# kill -9


async def test_workers_that_are_killed_fire_and_act_once(redis: Redis, redis_url: str, tmp_path: Any) -> None:
    """Two real processes; one of them is killed again and again while timers come due."""
    soon = [{**RULES[0], "when": {"after": "page_view", "absent": "purchase", "within": "2s"}}]
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump({**SHOP, **CATALOGUE, "rules": soon}))
    report = check_folder(tmp_path, NOON_MS)
    assert report.policy is not None
    await PolicyStore(Registry(redis)).publish(report.policy, report.files)
    store = await CustomerStore.open(redis, SHARDS)
    people = [f"customer:{number}" for number in range(120)]
    bought = people[::3]
    with ExitStack() as stack:
        workers = [_worker(redis_url, stack) for _ in range(2)]
        await eventually("both workers are there", lambda: _reported(redis, 2))
        for at in range(0, len(people), 10):
            now_ms = int(time.time() * 1000)  # what comes from the future would be taken as of its arrival
            some = people[at : at + 10]
            await store.append(said(interaction(at_ms=now_ms - 1, subject=each, id=each)) for each in some)
            buying = [each for each in some if each in bought]
            await store.append(said(purchase(1, now_ms, subject=each, id=f"buy-{each}")) for each in buying)
            await asyncio.sleep(0.3)
            if at % 30 == 20:
                workers[0].kill()
                workers[0].wait()
                workers[0] = _worker(redis_url, stack)
        expected = Counter(set(people) - set(bought))

        async def all_done() -> bool:
            return Counter(await done(redis)).keys() >= expected.keys()

        await eventually("every action is taken", all_done)
    assert Counter(await done(redis)) == expected
    fired: Counter[bytes] = Counter()
    for shard in range(SHARDS):
        entries: Any = await redis.xrange(keys.outbox(shard))
        fired.update(fields[b"id"] for _, fields in entries if b"after:rescue@" in fields[b"id"])
    assert set(fired.values()) == {1}


def _worker(url: str, stack: ExitStack) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
    environ = {**inherited, "OPPORTUNE_REDIS": url, "OPPORTUNE_LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, "-m", "app", "worker"], cwd=ROOT, env=environ)

    def end() -> None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)

    stack.callback(end)
    return process


async def _reported(redis: Redis, number: int) -> bool:
    return bool(await redis.zcard("opportune:workers") >= number)
