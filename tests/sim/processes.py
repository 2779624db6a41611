"""One seeded run with real worker processes on a real Redis: all kinds of trouble at once, then the store is checked.

Workers are killed with SIGKILL at random moments and at each named step (tests/sim/mortal_worker.py), frozen for longer
than they may be silent, told to stop and started again; Redis is killed and restarted on its append-only file. All the
while clients append interactions with duplicates, late ones, links and poison, the API commits decisions, and the
timers of a whole run become due in the same moment. The seed fixes what is said and the order of the faults; when they
strike is up to the machine.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from typing import Any

import yaml
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from app.publishing import PolicyStore
from consumers.courier import Courier
from consumers.folding import ProfileFold
from consumers.live import LivePolicy
from consumers.loop import GuardedLoop
from consumers.redis_streams import RedisStreams, offset_of
from consumers.shares import SILENT_AFTER_S
from consumers.timers import Timers
from profiles import keys
from profiles.connection import connected
from profiles.errors import StoreUnavailable
from profiles.log_stream import OUTBOX
from profiles.registry import Registry
from profiles.store import Committed, CustomerStore, Record
from rules.policy import check
from tests.builders import CATALOGUE, DAY, MINUTE, SHOP, interaction, purchase
from tests.servers import RedisServer
from tests.sim import mortal_worker
from tests.sim.mortal_worker import STEPS, WHEN
from tests.sim.real import SECTIONS, Silent, _decision, drained, said, wrong

SHARDS = 8
WORKERS = 3
CIRCLES = 30
HOSTILE_S = 18.0
SETTLED_WITHIN_S = 20.0
STOPPED_WITHIN_S = 10.0
PAUSE_S = 0.01
STORM_AFTER_S = 12.0
"""When the `rescue` timers of all page views become due, after the start of the run."""
RESCUE_WITHIN_MS = 20 * MINUTE
PURPOSES = {"buying": "session.viewed.size() > 1", "browsing": "true"}
FILES = {
    "policy.yaml": yaml.safe_dump(
        {**SHOP, **CATALOGUE, **SECTIONS, "session": {**SECTIONS["session"], "purposes": PURPOSES}}, sort_keys=False
    )
}


def circle(number: int) -> tuple[str, ...]:
    """Identifiers that are said to be one person at times, stronger ones first."""
    customers = (f"customer:{name}-{number}" for name in ("alice", "bob"))
    return (*customers, f"phone:p-{number}", f"visitor:v-{number}", f"visitor:w-{number}")


PEOPLE = tuple(subject for number in range(CIRCLES) for subject in circle(number))


@dataclass
class Worker:
    """A process that is started again whenever it has ended."""

    environ: dict[str, str]
    process: ForkServerProcess | None = None
    frozen: bool = False

    def start(self, death: str | None) -> None:
        self.process = mortal_worker.started({**self.environ, **({"SIM_DEATH": death} if death else {})})
        self.frozen = False

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.is_alive():
            assert self.process.pid is not None
            os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()


@dataclass
class Processes:
    """All that takes part in one seed."""

    seed: int
    server: RedisServer
    happened: Counter[str] = field(default_factory=Counter)
    sent: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.book = self.server.folder / "deaths"
        self.began_ms = time.time_ns() // 1_000_000
        self._deaths = [f"{step} {when}" for step in STEPS for when in WHEN]
        self.chance.shuffle(self._deaths)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPPORTUNE_")}
        ours = {"REDIS": self.server.url, "METRICS_PORT": "0", "LOG_KEEP": "1000000", "LOG_LEVEL": "error"}
        environ = {**inherited, **{f"OPPORTUNE_{name}": value for name, value in ours.items()}}
        self.workers = [Worker({**environ, "SIM_DEATHS": str(self.book)}) for _ in range(WORKERS)]
        self._numbers = 0
        self._over = False

    async def hostile(self, redis: Redis, seconds: float) -> None:
        """Everything at once, for so long."""
        clients = [self._say, self._say_again, self._decide, self._restart_the_dead]
        tasks = [asyncio.create_task(self._repeated(act, redis)) for act in clients]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(self.chance.uniform(0.2, 1.0))
            await self._fault()
        self._over = True
        await asyncio.gather(*tasks)
        for each in self.workers:
            each.send(signal.SIGCONT)
            each.kill()
            each.start(death=None)

    async def _repeated(self, act: Callable[[CustomerStore], Awaitable[None]], redis: Redis) -> None:
        store = CustomerStore(redis, SHARDS)
        await store.scripts.load()
        while not self._over:
            with suppress(StoreUnavailable):
                await act(store)
            await asyncio.sleep(PAUSE_S)

    # what clients do

    async def _say(self, store: CustomerStore) -> None:
        """What has no answer is said again by `_say_again`, or never."""
        records = [self._said() for _ in range(self.chance.randint(1, 12))]
        self.chance.shuffle(records)
        self.sent += records
        await store.append(records)

    async def _say_again(self, store: CustomerStore) -> None:
        if self.sent:
            self.happened["said again"] += 1
            await store.append([self.chance.choice(self.sent[-200:])])

    async def _decide(self, store: CustomerStore) -> None:
        self._numbers += 1
        code, subject = f"code-{self._numbers}", self.chance.choice(PEOPLE)
        while await store.commit(await _decision(store, subject, code)) is Committed.CONFLICT:
            self.happened["conflicts"] += 1

    def _said(self) -> Record:
        self._numbers += 1
        name, people, luck = f"i-{self._numbers}", circle(self.chance.randrange(CIRCLES)), self.chance.random()
        subject = self.chance.choice(people)
        if luck < 0.03:
            return Record("interactions", f"poison-{self._numbers}", subject, b"{not json")
        # page views of one moment: what they wait for becomes due in one moment
        storm_ms = self.began_ms + int(1000 * STORM_AFTER_S) - RESCUE_WITHIN_MS
        late_ms = self.chance.choice((0, 0, 0, 5 * MINUTE, 2 * DAY))
        one: dict[str, Any] = {"at_ms": storm_ms - late_ms, "id": name, "subject": subject}
        if luck < 0.05:
            return said(interaction("logout", **one))
        if luck < 0.15:
            stronger, weaker = sorted(self.chance.sample(range(len(people)), 2))
            return said(interaction(**{**one, "subject": people[stronger], "links": (people[weaker],)}))
        if luck < 0.4:
            before_ms = storm_ms - late_ms - 125  # seconds that add up exactly, in whatever order
            return said(purchase(float(self.chance.randint(1, 20)), **{**one, "at_ms": before_ms}))
        return said(interaction(data={"product": self.chance.choice("pqr")}, **one))

    # what happens to processes

    async def _restart_the_dead(self, _: CustomerStore) -> None:
        for each in self.workers:
            if not each.runs:
                self.happened["starts"] += 1
                each.start(self._next_death())

    def _next_death(self) -> str | None:
        if self.chance.random() < 0.2:
            return None
        death = self._deaths.pop()
        self._deaths.insert(0, death)
        return f"{death} {self.chance.choice((1, 1, 2))}"

    async def _fault(self) -> None:
        one, luck = self.chance.choice(self.workers), self.chance.random()
        if luck < 0.15:
            one.send(signal.SIGKILL)
            self.happened["kills"] += 1
        elif luck < 0.45 and sum(each.frozen for each in self.workers) < WORKERS - 1 and not one.frozen:
            self._freeze(one)
        elif luck < 0.55:
            one.send(signal.SIGTERM)
            self.happened["told to stop"] += 1
        elif luck < 0.65:
            self.server.kill()
            self.server.start()
            self.happened["redis killed"] += 1

    def _freeze(self, one: Worker) -> None:
        """Mostly for longer than it may be silent: others take its shards, and then it wakes up."""
        seconds, process = self.chance.choice((0.5, SILENT_AFTER_S + 0.5, SILENT_AFTER_S + 1.5)), one.process
        one.send(signal.SIGSTOP)
        one.frozen = True
        self.happened["frozen past membership" if seconds > SILENT_AFTER_S else "frozen"] += 1

        def wake() -> None:
            if process is one.process:
                one.send(signal.SIGCONT)
                one.frozen = False

        asyncio.get_running_loop().call_later(seconds, wake)

    # calm

    async def settled(self, redis: Redis) -> float:
        """Waits until the real workers have folded and delivered all; how long that took, in seconds."""
        began = time.monotonic()
        while waiting := await unsettled(redis):
            assert time.monotonic() < began + SETTLED_WITHIN_S, f"seed {self.seed}: not settled: {waiting}"
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    def stop(self) -> None:
        for each in self.workers:
            each.send(signal.SIGTERM)
        for each in self.workers:
            assert each.process is not None
            each.process.join(STOPPED_WITHIN_S)
            assert each.process.exitcode == 0, f"seed {self.seed}: a worker did not stop well"

    def kill(self) -> None:
        for each in self.workers:
            each.kill()


async def unsettled(redis: Redis) -> list[str]:
    """The shards where something waits to be folded, delivered or fired."""
    found, now_ms = [], time.time_ns() // 1_000_000
    for shard in range(SHARDS):
        position = int(await redis.hget(keys.guard(shard), OUTBOX.position) or 0)
        last: Any = await redis.xrevrange(keys.outbox(shard), count=1)
        if last and offset_of(last[0][0]) > position:
            found.append(f"outbox of {shard}")
        if await redis.zcount(keys.timers(shard), "-inf", now_ms):
            found.append(f"timers of {shard}")
        if await _undelivered(redis, shard):
            found.append(f"transit of {shard}")
    return found


async def _undelivered(redis: Redis, source: int) -> bool:
    field = f"in:{source:04d}"
    marks: Any = [await redis.hget(keys.guard(target), field) for target in range(SHARDS)]
    parcels: Any = await redis.xrange(keys.transit(source))
    store = CustomerStore(redis, SHARDS)
    return any(
        offset_of(at) > offset_of(marks[store.shard(fields[b"subject"].decode())] or b"0-0") for at, fields in parcels
    )


async def a_day_later(redis: Redis, policy: LivePolicy) -> None:
    """What is due within a day fires now, so that all visits have ended."""
    store = await CustomerStore.open(redis, SHARDS)
    fold = ProfileFold(policy, Silent())
    loop = GuardedLoop(store, RedisStreams(redis, SHARDS, "last"), lambda: fold, Silent(), keep=10**6, wait_ms=1)
    everywhere = frozenset(range(SHARDS))
    timers, courier = Timers(store, lambda: everywhere, Silent()), Courier(store, lambda: everywhere, Silent())
    await drained(loop)
    while await timers.fire_due(time.time_ns() // 1_000_000 + DAY) or await courier.deliver():
        await drained(loop)


@contextmanager
def started(seed: int) -> Iterator[Processes]:
    with ExitStack() as running:
        server = running.enter_context(RedisServer("--appendonly", "yes", "--appendfsync", "everysec"))
        with BlockingRedis(unix_socket_path=str(server.socket)) as client:
            assert client.config_get("append*")["appendonly"] == "yes"
        processes = Processes(seed, server)
        running.callback(processes.kill)
        yield processes


async def run(seed: int, hostile_s: float = HOSTILE_S) -> tuple[list[str], str]:
    """What is wrong after one seed, and what has happened in it."""
    with started(seed) as processes:
        async with connected(processes.server.url) as redis:
            await CustomerStore.open(redis, SHARDS)
            policy = LivePolicy.compiled(check(FILES))
            await PolicyStore(Registry(redis)).publish(policy, FILES)
            await processes.hostile(redis, hostile_s)
            took_s = await processes.settled(redis)
            processes.stop()
            await a_day_later(redis, policy)
            found = await wrong(redis, failovers=False, people=PEOPLE)
            acted = sum([await redis.xlen(keys.actions(shard)) for shard in range(SHARDS)])
        deaths = Counter(processes.book.read_text().splitlines() if processes.book.exists() else ())
        happened = {**processes.happened, "said": len(processes.sent), "actions": acted}
        return found, f"{happened}; settled in {took_s:.1f} s; died at {len(deaths)} of {len(STEPS) * len(WHEN)} steps"
