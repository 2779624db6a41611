"""Production code under hostile interleavings; and the defects that the simulations have found, one test each."""

import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from consumers import recall
from consumers.courier import Courier
from consumers.folding import ProfileFold, interactions, parts
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams
from consumers.timers import Timers
from profiles import keys
from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.log_stream import OUTBOX
from profiles.scripts import Batch, Scripts
from profiles.store import Commit, Committed, CustomerStore
from schemas.ledger import Ledger
from tests.builders import DAY, MINUTE, NOON_MS, entry, interaction, live, purchase
from tests.servers import RedisServer
from tests.sim.hostile import Broken
from tests.sim.real import SPEND, Silent, drained, restore, run, said, snapshot

SEEDS = 200
ALICE, BOB = "customer:alice", "customer:bob"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    async with connected(server.url) as redis:
        await redis.flushdb()
        yield redis


@pytest.fixture
def quiet() -> Iterator[None]:
    """Without the log lines of workers: fences and dead letters are what is wanted here."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


async def test_hostile_interleavings_change_nothing(
    redis: Redis, quiet: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """`SIM_BASE=<base seed>` repeats a run, `SIM_SEEDS` sets how many there are."""
    base = int(os.environ.get("SIM_BASE") or secrets.randbelow(10**9))
    seeds = int(os.environ.get("SIM_SEEDS") or SEEDS)
    started = time.monotonic()
    for seed in range(base, base + seeds):
        wrong = await run(redis, seed)
        assert not wrong, f"seed {seed}; replay: python -m tests.sim.soak --seed {seed}\n" + "\n".join(wrong)
    with capsys.disabled():
        print(f"\nreal: {seeds} seeds from {base} in {time.monotonic() - started:.0f} s")  # noqa: T201


BROKEN = {
    "no n == N in END": Broken("end", "or found[2] ~= ARGV[2]", ""),
    "no version check in APPLY": Broken("commit", "version ~= expected", "false"),
    "no nonce check in APPLY": Broken("commit", "redis.call('HGET', KEYS[4], 'nonce') ~= nonce", "false"),
    "no position check in a delivery": Broken("deliver", "if found ~= ARGV[2]", "if false"),
    "a timer fires unasked": Broken("fire", "if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2]", "if false"),
}
"""Checks whose absence a run notices often enough for CI; the model (test_protocol.py) answers for the others."""
MOST_TO_NOTICE = 200


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_script_is_noticed(redis: Redis, broken: str, quiet: None) -> None:
    for seed in range(MOST_TO_NOTICE):
        if await run(redis, seed, broken=BROKEN[broken]):
            return
    pytest.fail(f"{MOST_TO_NOTICE} seeds did not notice it")


def nothing(*_: object) -> None:
    """Instead of what is taken out."""


async def nobody(*_: object) -> AsyncIterator[tuple[str, str]]:
    for each in list[tuple[str, str]]():
        yield each


MAIMED: dict[str, tuple[object, str, object]] = {
    "the owner's rules never judge what was passed on": (parts, "_react_to_each", nothing),
    "a timer that was passed on is not judged": (parts, "after_passed", nothing),
    "nobody is linked": (interactions, "link", nothing),
    "nobody asks for what a shard has lost": (recall, "_heard", nobody),
}


@pytest.mark.parametrize("maimed", MAIMED)
async def test_a_missing_part_is_noticed(
    redis: Redis, maimed: str, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*MAIMED[maimed])
    for seed in range(MOST_TO_NOTICE):
        if await run(redis, seed):
            return
    pytest.fail(f"{MOST_TO_NOTICE} seeds did not notice it")


async def test_a_seed_repeats(redis: Redis) -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        await run(redis, 7, trace)
    assert traces[0] == traces[1]


Do = Callable[[slice], Awaitable[list[Any]]]
Scene = Callable[[list[str], Do], Awaitable[list[Any]]]
"""What a test makes of a round trip: given the names of its commands, and how to do some or all of them."""
ALL = slice(None)


class ScriptedScripts(Scripts):
    def __init__(self, redis: Redis, scene: Scene) -> None:
        super().__init__(redis)
        self.scene = scene

    def batch(self) -> Batch:
        return ScriptedBatch(self, self.scene)


class ScriptedBatch(Batch):
    def __init__(self, scripts: Scripts, scene: Scene) -> None:
        super().__init__(scripts)
        self._scene = scene

    async def flush(self) -> None:
        """All is done at once, when the scene comes to it."""

    async def run(self) -> list[Any]:
        names = {sha: name for name, sha in self._scripts.sha.items()}
        commands = [names[step[1]] if step[0] == "EVALSHA" else str(step[0]) for step in self._steps]
        return await self._scene(commands, self._do)

    async def _do(self, which: slice) -> list[Any]:
        part = Batch(self._scripts)
        part._steps = self._steps[which]
        return await part.run()


@pytest.fixture
async def store(redis: Redis) -> CustomerStore:
    return await CustomerStore.open(redis, 1)


async def worker(redis: Redis, scene: Scene | None = None) -> GuardedLoop:
    store = CustomerStore(redis, 1)
    if scene is not None:
        store.scripts = ScriptedScripts(redis, scene)
    await store.scripts.load()
    fold = ProfileFold(live(), Silent())
    return GuardedLoop(store, RedisStreams(redis, 1, "one"), lambda: fold, Silent(), keep=100, wait_ms=1)


async def spend(store: CustomerStore, subject: str) -> float:
    return float((await store.read(subject)).profile.features.get(SPEND, 0))


async def reserve(store: CustomerStore, subject: str, code: str, expected: str) -> Committed:
    ledger = (await store.read(subject)).ledger
    return await store.commit(Commit(subject, expected, ledger=Ledger((*ledger.entries, entry(code=code)))))


async def test_a_skip_that_is_sent_twice_does_not_stand_for_a_commit(redis: Redis, store: CustomerStore) -> None:
    """A has nothing left, B meets a conflict; the round trip is sent twice, so that A alone makes n == N."""
    await store.append([said(purchase(10, subject=ALICE))])
    await drained(await worker(redis))
    await redis.hset(keys.guard(0), OUTBOX.position, "0")  # as if END had never been reached
    await store.append([said(purchase(10, subject=BOB))])

    async def scene(commands: list[str], do: Do) -> list[Any]:
        if "end" in commands:
            await reserve(store, BOB, "code", expected="0")
            await do(ALL)
        elif commands == ["read"]:
            raise StoreUnavailable("before B is read again")
        return await do(ALL)

    with pytest.raises(StoreUnavailable):
        await (await worker(redis, scene)).step()
    await drained(await worker(redis))
    assert await spend(store, BOB) == 10


async def test_what_is_read_beside_begin_may_be_lost_again(redis: Redis, store: CustomerStore) -> None:
    """Another owner commits between BEGIN and the reads, and a failover loses that: the skip rests on nothing."""
    await store.append([said(purchase(10, subject=ALICE))])

    async def scene(commands: list[str], do: Do) -> list[Any]:
        if "begin" not in commands or len(commands) == 1:
            return await do(ALL)
        begun = await do(slice(1))
        kept = await snapshot(redis)
        await drained(await worker(redis))
        answers = [*begun, *await do(slice(1, None))]
        await restore(redis, kept)
        return answers

    await (await worker(redis, scene)).step()
    await drained(await worker(redis))
    assert await spend(store, ALICE) == 10


async def test_a_version_does_not_return_after_a_failover(redis: Redis, store: CustomerStore) -> None:
    kept = await snapshot(redis)
    assert await reserve(store, ALICE, "lost", expected="0") is Committed.OK
    read_before = await store.read(ALICE)
    await restore(redis, kept)
    assert await reserve(store, ALICE, "kept", expected="0") is Committed.OK
    stale = Commit(ALICE, read_before.version, ledger=read_before.ledger)
    assert await store.commit(stale) is Committed.CONFLICT
    assert [each.code for each in (await store.read(ALICE)).ledger.entries] == ["kept"]


async def test_a_timer_that_has_fired_is_not_set_again(redis: Redis, store: CustomerStore) -> None:
    """An interaction that arrives late changes no session, and so says nothing about its end."""
    loop, timers = await worker(redis), Timers(store, lambda: frozenset([0]), Silent())
    await store.append([said(interaction())])
    await drained(loop)
    assert await timers.fire_due(NOON_MS + 30 * MINUTE) == 1
    await drained(loop)
    await store.append([said(interaction(at_ms=NOON_MS - 2 * DAY))])
    await drained(loop)
    assert await timers.fire_due(NOON_MS + 30 * MINUTE) == 0


@pytest.mark.parametrize("lost_before", ["HSET", "deliver"])
async def test_what_was_read_before_a_failover_is_not_delivered(
    redis: Redis, store: CustomerStore, lost_before: str
) -> None:
    """The position in the target is what it was: only what is announced after reading tells the courier."""
    loop, visitor = await worker(redis), "visitor:v-1"
    await store.append([said(interaction(subject=ALICE, links=(visitor,)))])
    await carried(loop, Courier(store, lambda: frozenset([0]), Silent()))
    kept = await snapshot(redis)
    await store.append([said(purchase(10, subject=visitor))])
    await drained(loop)

    async def scene(commands: list[str], do: Do) -> list[Any]:
        if lost_before in commands:
            await restore(redis, kept)
        return await do(ALL)

    bad = CustomerStore(redis, 1)
    bad.scripts = ScriptedScripts(redis, scene)
    await bad.scripts.load()
    await Courier(bad, lambda: frozenset([0]), Silent()).deliver()
    assert await redis.dump(keys.outbox(0)) == kept[keys.outbox(0).encode()]
    await store.append([said(purchase(5, subject=visitor, id="kept"))])
    await carried(await worker(redis), Courier(store, lambda: frozenset([0]), Silent()))
    assert (await store.read(ALICE)).identity.others()[visitor].profile.features[SPEND] == 5


async def carried(loop: GuardedLoop, courier: Courier) -> None:
    await drained(loop)
    while await courier.deliver():
        await drained(loop)


async def test_a_record_that_was_lost_before_begin_has_no_effect(redis: Redis, store: CustomerStore) -> None:
    """Embedded log: the guard does not move when a record that no worker has touched is lost."""
    await drained(await worker(redis))

    async def scene(commands: list[str], do: Do) -> list[Any]:
        if "begin" in commands:
            await redis.delete(keys.outbox(0))
        return await do(ALL)

    loop = await worker(redis, scene)
    await drained(loop)
    await store.append([said(purchase(10, subject=ALICE))])
    await loop.step()
    assert await spend(store, ALICE) == 0
