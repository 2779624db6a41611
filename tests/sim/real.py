"""One seeded run of production code on a real Redis: hostile turns, then calm, then the whole store is checked.

Workers (GuardedLoop, ProfileFold), timers, the API's commits and a producer take turns; ownership changes, and
Redis may go back to an earlier snapshot, as a failover does. Afterwards the store is compared with a computation
over the log alone.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from consumers.courier import Courier
from consumers.folding import ProfileFold
from consumers.loop import GuardedLoop
from consumers.meter import Labels
from consumers.redis_streams import RedisStreams
from consumers.timers import Timers
from profiles import keys
from profiles.customer import Customer
from profiles.definition import KEPT_IDENTITIES
from profiles.errors import StoreUnavailable
from profiles.fold import IDENTITY_CHARACTERS, fold, identity_hash
from profiles.identity import NOBODY, Identity
from profiles.profile import Profile
from profiles.store import IDENTITIES, Commit, Committed, CustomerStore, NewKey, Record
from schemas.base import at_ms
from schemas.decision import DecisionRecord
from schemas.identity import Judged, kind_of
from schemas.interaction import (
    OUR_OWN,
    SESSION_ENDED,
    STAGE_CHANGED,
    TIMER_FIRED,
    CloudEvent,
    Interaction,
    from_cloud_event,
    to_cloud_event,
)
from schemas.ledger import Ledger
from tests.builders import DAY, MINUTE, NOON_MS, SHOP, entry, interaction, live, purchase
from tests.sim import actions, visits
from tests.sim.actions import Logged
from tests.sim.hostile import AssignedStreams, Broken, Crash, HostileScripts, Turns, Wire
from tests.sim.identities import wrong_identities, wrong_people
from tests.sim.judging import Logs, wrong_judging

MOST_SHARDS = 2
PEOPLE = ("customer:alice", "customer:bob", "customer:carol", "phone:p-1", "visitor:v-1", "visitor:v-2")
"""Stronger ones first."""
WORKERS = ("one", "two", "three")
BUSY = ("producer", "producer", "courier", "other courier")
"""Who gets more turns, besides the workers."""
TURNS = 120
CALM_TURNS = 30
LINKING = (range(45), range(30, 75), range(70, TURNS), range(TURNS))
"""In which turns identifiers are linked: at the start, in the middle, at the end, all the while."""
MOST_RECORDS = 8
BIG_SPENDER = 100.0
NOTHING_LOST: Mapping[str, Interaction] = {}
SECTIONS: dict[str, Any] = {
    "features": {
        **SHOP["features"],
        "visits": {"count": "session_ended"},
        "seconds_30d": {"sum": "event.length_s", "of": "session_ended", "window": "30d"},
        "changes": {"count": "stage_changed"},
    },
    "identifiers": {"phone": {}},
    "interactions": {**SHOP["interactions"], "logout": {"channel": "web"}},
    "rules": [
        {"id": "thanks", "when": "purchase", "if": "event.amount > 5.0", "propose": "mug", "for": "1d",
         "act": [{"message": "web", "placement": "hero"}]},
        {"id": "noted", "when": "purchase", "if": f"event.amount > {actions.WORTH_A_NOTE}",
         "act": [{"call_list": "noted", "note": "{event.id}"}]},
        {"id": "rescue", "when": {"after": "page_view", "absent": "purchase", "within": "20m"},
         "act": [{"call_list": "lost", "note": "{event.id}"}]},
    ],
    "session": {**SHOP["session"], "idle": "15m", "ends": "logout"},
    "stages": {"big": f"customer.spend > {BIG_SPENDER}", "new": "true"},
    "contact_policy": {"remember": "40000d"},  # the decisions of a run are made now, its events happened in 2026
}  # fmt: skip
POLICY = live(**SECTIONS)
SPEND = POLICY.definition.features["spend"].key


Actor = Callable[[str], Coroutine[Any, Any, None]]


@dataclass
class Silent:
    """A Meter that nobody reads."""

    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def tally(self, name: str, each: Sequence[Labels], together: Iterable[Mapping[Labels, int]] = ()) -> None: ...

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...


@dataclass
class Run:
    """All actors of one seed, and what they are told."""

    redis: Redis
    seed: int
    trace: list[str] = field(default_factory=list)
    broken: Broken | None = None
    busy: tuple[str, ...] = BUSY
    link_share: float = 0.4
    """Of what is said while identifiers are linked."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.shards = self.chance.randint(1, MOST_SHARDS)
        self.turns = Turns()
        self.clock_ms = NOON_MS
        self.assigned = {name: frozenset[int]() for name in WORKERS}
        self.wires: dict[str, Wire] = {}
        self.stores: dict[str, CustomerStore] = {}
        self.sent: list[Record] = []
        self._badness = self.chance.choice((0.0, 0.05, 0.15, 0.3))
        self.failovers = self.chance.random() < 0.5
        self.alone = self.chance.random() < 0.5
        """A shard fails over alone, as if it had a server of its own; else all of them to the same moment."""
        self.lost: dict[str, Interaction] = {}
        """What a shard that failed over alone has lost of its log, by identity."""
        self.linking = self.chance.choice(LINKING)
        self._turn = 0
        self._sha: dict[str, str] = {}
        self._calm: CustomerStore | None = None
        self._links: list[tuple[str, str]] = []
        self._numbers = 0

    async def hostile(self) -> None:
        """Everything that may go wrong, and then some turns where nothing does."""
        actors = self.actors()
        self._reassign()
        for name in actors:
            await self._connect(name)
        names = [*actors, *WORKERS, *WORKERS, *self.busy]
        kept = await snapshot(self.redis)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(act(name)) for name, act in actors.items()]
            await self.turns.until_waiting(list(actors))
            for self._turn in range(TURNS + CALM_TURNS):
                turn = self._turn
                if turn == TURNS:
                    await self._calm_down()
                elif turn < TURNS and self.chance.random() < 0.15:
                    kept = await self._fault(kept)
                await self.turns.give(self.chance.choice(names))
            for each in tasks:
                each.cancel()

    async def _connect(self, name: str) -> None:
        wire = Wire(name, self.turns, self.chance, self._badness, self.trace)
        store = CustomerStore(self.redis, self.shards)
        store.scripts = HostileScripts(self.redis, wire, self.broken)
        if not self._sha:
            await store.scripts.load()
            self._sha = store.scripts.sha
        store.scripts.sha = self._sha
        self.wires[name], self.stores[name] = wire, store

    async def _calm_down(self) -> None:
        self._note("calm from here")
        for wire in self.wires.values():
            wire.badness = 0.0
        await self._late(most=1_000)

    async def _fault(self, kept: dict[bytes, bytes]) -> dict[bytes, bytes]:
        match self.chance.choice(("reassign", "late", "keep", "failover")):
            case "reassign":
                self._reassign()
            case "late":
                await self._late(most=1)
            case "keep" if self.failovers:
                self._note("is replicated up to here")
                return await snapshot(self.redis)
            case "failover" if self.failovers:
                await self._fail_over(kept)
        return kept

    async def _fail_over(self, kept: dict[bytes, bytes]) -> None:
        for wire in self.wires.values():
            wire.late.clear()
        if not self.alone:
            self._note("FAILS OVER: all since the last replication is lost")
            await restore(self.redis, kept)
            return
        shard = self.chance.randrange(self.shards)
        self._note(f"shard {shard} FAILS OVER alone: all of it since the last replication is lost")
        before = await logged(self.redis, self.shards)
        await restore(self.redis, kept, keys.tag(shard))
        left = {each.id for each in await logged(self.redis, self.shards)}
        gone = [each for each in before if each.topic == "interactions" and each.id not in left]
        self.lost |= {event.identity: event for each in gone if not is_poison(each) for event in [_event(each)]}

    def _reassign(self) -> None:
        """Sometimes two believe to own a shard, sometimes nobody."""
        for name in WORKERS:
            self.assigned[name] = frozenset(each for each in range(self.shards) if self.chance.random() < 0.5)
        self._note(f"owners: { ({name: sorted(owned) for name, owned in self.assigned.items()}) }")

    async def _late(self, most: int) -> None:
        waiting = [(wire, batch) for wire in self.wires.values() for batch in wire.late]
        for wire, batch in self.chance.sample(waiting, min(most, len(waiting))):
            wire.late.remove(batch)
            wire.note("what came late is done")
            await batch.run()

    def _note(self, what: str) -> None:
        self.trace.append(f"{'redis':>8}  {what}")

    # the actors

    def actors(self) -> dict[str, Actor]:
        actors: dict[str, Actor] = {**dict.fromkeys(WORKERS, self._work)}
        actors |= {"timers": self._time, "other timers": self._time}
        actors |= {"courier": self._carry, "other courier": self._carry}
        return actors | {"api": self._decide, "other api": self._decide, "producer": self._produce}

    async def _work(self, name: str) -> None:
        while True:
            loop = self._loop(name)
            with suppress(Crash, StoreUnavailable):
                while True:
                    await self.wires[name].turn()
                    if self.assigned[name]:
                        await loop.step()
                    if self.chance.random() < 0.2:
                        await loop.check_guards()
            self.wires[name].note("starts again")

    def _loop(self, name: str) -> GuardedLoop:
        policy = ProfileFold(POLICY, Silent())
        streams = AssignedStreams(self.redis, self.shards, self.wires[name], lambda: self.assigned[name])
        return GuardedLoop(self.stores[name], streams, lambda: policy, Silent(), keep=10_000, wait_ms=1)

    async def _time(self, name: str) -> None:
        timers = Timers(self.stores[name], lambda: frozenset(range(self.shards)), Silent())
        while True:
            await self.wires[name].turn()
            with suppress(Crash, StoreUnavailable):
                await timers.fire_due(self.clock_ms)

    async def _carry(self, name: str) -> None:
        while True:
            courier = Courier(self.stores[name], lambda: frozenset(range(self.shards)), Silent())
            with suppress(Crash, StoreUnavailable):
                while True:
                    await self.wires[name].turn()
                    await courier.deliver()
                    if self.chance.random() < 0.2:
                        await courier.check()

    async def _decide(self, name: str) -> None:
        store = self.stores[name]
        while True:
            await self.wires[name].turn()
            self._numbers += 1
            code, subject = f"code-{self._numbers}", self.chance.choice(PEOPLE)
            with suppress(Crash, StoreUnavailable):
                while await store.commit(await _decision(store, subject, code)) is Committed.CONFLICT:
                    pass

    async def _produce(self, name: str) -> None:
        """A client that sends again what it has no answer for, and some things for no reason."""
        while True:
            await self.wires[name].turn()
            records = [self._said() for _ in range(self.chance.randint(1, 4))]
            self.sent += records
            with suppress(Crash, StoreUnavailable):
                await self.stores[name].append(records)

    def _said(self) -> Record:
        self._numbers += 1
        self.clock_ms += self.chance.choice((0, MINUTE, 10 * MINUTE, 40 * MINUTE))
        subject = self.chance.choice(PEOPLE)
        luck = self.chance.random()
        if self.sent and luck < 0.2:
            return self.chance.choice(self.sent[-6:])
        if luck < 0.25:
            return Record("interactions", f"poison-{self._numbers}", subject, b"{not json")
        late_ms = self.chance.choice((0, 0, 0, 5 * MINUTE, 2 * DAY))
        one: dict[str, Any] = {"at_ms": self.clock_ms - late_ms, "id": f"i-{self._numbers}", "subject": subject}
        if luck > 0.95:
            return said(interaction("logout", **one))
        if luck < 0.25 + self.link_share and self._turn in self.linking:
            return self._linked(one)
        return said(purchase(float(self._numbers), **one) if luck < 0.7 else interaction(data={"product": "p"}, **one))

    def _linked(self, one: dict[str, Any]) -> Record:
        """Two are named together, or somebody says of two who were that it was wrong, or right after all."""
        if self._links and self.chance.random() < 0.3:
            owner, identifier = self.chance.choice(self._links)
            return judged(identifier, owner, self.clock_ms, wrong=self.chance.random() < 0.6)
        stronger, weaker = sorted(self.chance.sample(range(len(PEOPLE)), 2))
        if kind_of(PEOPLE[stronger]) != kind_of(PEOPLE[weaker]):  # of two customers nothing can be judged
            self._links.append((PEOPLE[stronger], PEOPLE[weaker]))
        return said(interaction(**{**one, "subject": PEOPLE[stronger], "links": (PEOPLE[weaker],)}))

    # calm

    async def _calm_store(self) -> CustomerStore:
        if self._calm is None:
            self._calm = await CustomerStore.open(self.redis, self.shards)
        return self._calm

    async def aftermath(self) -> None:
        """A shard loses what came last when nobody has anything else to say: no event and no timer makes it good."""
        if not (self.failovers and self.alone):
            return
        kept = await snapshot(self.redis)
        await (await self._calm_store()).append([self._said() for _ in range(MOST_RECORDS)])
        await self.quiet()
        await self._fail_over(kept)
        await self.quiet()

    async def farewell(self) -> None:
        """When all else is over each person is seen under one of their identifiers, and may buy under another one."""
        self.clock_ms += DAY
        records = list[Record]()
        log = await logged(self.redis, self.shards)
        for names in Logs.of(log, PEOPLE, POLICY.definition).members().values():
            seen, buying = self.chance.choice(names), self.chance.choice(names)
            self._numbers += 1
            records.append(said(interaction(at_ms=self.clock_ms, id=f"i-{self._numbers}", subject=seen)))
            if self.chance.random() < 0.3:
                one: dict[str, Any] = {"id": f"b-{self._numbers}", "subject": buying}
                records.append(said(purchase(float(self._numbers), self.clock_ms + 5 * MINUTE, **one)))
        self.clock_ms += 5 * MINUTE
        await (await self._calm_store()).append(records)
        await self.quiet()

    async def quiet(self) -> None:
        """One worker of its own with a good wire; all timers become due."""
        store = await self._calm_store()
        policy = ProfileFold(POLICY, Silent())
        streams = RedisStreams(self.redis, self.shards, "last")
        loop = GuardedLoop(store, streams, lambda: policy, Silent(), keep=10_000, wait_ms=1)
        timers = Timers(store, lambda: frozenset(range(self.shards)), Silent())
        courier = Courier(store, lambda: frozenset(range(self.shards)), Silent())
        for now_ms in (self.clock_ms, self.clock_ms + DAY):
            await drained(loop)
            while await timers.fire_due(now_ms) or await courier.deliver():
                await drained(loop)
        await loop.check_guards()
        await drained(loop)


def said(event: Interaction) -> Record:
    return Record("interactions", event.identity, event.subject, orjson.dumps(to_cloud_event(event)))


def judged(identifier: str, owner: str, at_ms: int, *, wrong: bool) -> Record:
    body = Judged(claimant=owner, at_ms=at_ms, wrong=wrong)
    return Record(IDENTITIES, f"judged-{owner}>{identifier}-{at_ms}", identifier, orjson.dumps(body.model_dump()))


async def drained(loop: GuardedLoop) -> None:
    before = None
    while before != (before := dict(loop.positions)):
        await loop.step()


async def _decision(store: CustomerStore, subject: str, code: str) -> Commit:
    customer = await store.read(subject)
    key = NewKey(keys.decision(store.shard(subject), code), subject.encode(), ttl_ms=DAY)
    return Commit(
        subject,
        customer.version,
        ledger=Ledger((*customer.ledger.entries, entry(code=code)), customer.ledger.proposals),
        new_keys=[key],
    )


async def snapshot(redis: Redis) -> dict[bytes, bytes]:
    names: Any = await redis.keys("{s*")
    return {name: value for name in names if (value := await redis.dump(name)) is not None}


async def restore(redis: Redis, snapshot: dict[bytes, bytes], tag: str = "{s") -> None:
    """Only customers' shards go back: the rest does not matter here. `tag`: what the keys that go back begin with."""
    names: Any = await redis.keys(f"{tag}*")
    if names:
        await redis.delete(*names)
    for name, value in snapshot.items():
        if name.startswith(tag.encode()):
            await redis.restore(name, 0, value)
    await asyncio.sleep(0.002)  # a failover takes longer than a millisecond: no stream id comes back


# what must be true


async def logged(redis: Redis, shards: int) -> list[Logged]:
    found: list[Logged] = []
    for shard in range(shards):
        records: Any = await redis.xrange(keys.outbox(shard))
        for _, fields in records:
            topic, name, subject = (fields[each].decode() for each in (b"topic", b"id", b"subject"))
            found.append(Logged(topic, name, subject, fields[b"body"]))
    return found


async def wrong(
    redis: Redis,
    failovers: bool,
    people: Sequence[str] = PEOPLE,
    lost: Mapping[str, Interaction] = NOTHING_LOST,
    parted: bool = False,
) -> list[str]:
    """Compares the store with a computation over the log; nothing if all is well. `parted`: after the farewell."""
    store = await CustomerStore.open(redis, MOST_SHARDS)
    log = await logged(redis, store.shards)
    dead: list[str] = []
    found: list[str] = []
    for shard in range(store.shards):
        letters: Any = await redis.xrange(keys.dead_letters(shard))
        dead += [fields[b"id"].decode() for _, fields in letters]
        if await redis.zcard(keys.timers(shard)):
            found.append(f"timers: some of shard {shard} never fired")
    interactions_logged = [each for each in log if each.topic == "interactions"]
    poison = Counter(each.id for each in log if each.id.startswith("poison"))
    if poison != Counter(dead):
        found.append(f"dead letters: {dead}")
    everything = [each for subject in people for each in distinct(interactions_logged, subject)]
    # what a dead connection delivers after a failover comes twice; its version says that it is known
    delivered = [] if failovers else [each.id for each in log if each.topic == "identities"]
    customers = await store.read_all(people)
    logs = Logs.of(log, people, POLICY.definition)
    found += wrong_identities(customers, everything, delivered, POLICY.definition)
    found += wrong_people(customers, logs, POLICY.definition)
    if parted:
        found += _wrong_stages_in_the_end(customers, logs)
    fired = Counter(each.id for each in interactions_logged if "@" in each.id)
    fired -= await visits.said_again(store, people, fired)
    found += await visits.wrong(redis, store.shards, people, POLICY.definition)
    found += [f"timers: {name} fired {times} times" for name, times in fired.items() if times > 1]
    counted: Counter[str] = Counter()
    acted = await actions.taken(redis, store.shards)
    found += actions.repeated(acted, log)
    decided_by = Counter(each.subject for each in log if each.topic == "decisions")
    found += wrong_judging(logs, acted, decided_by, lost)
    for subject in people:
        customer = customers[subject]
        interactions, decided = distinct(interactions_logged, customer.subject), actions.decided(log, subject)
        counted.update([*_counted(interactions), *actions.counted(decided)])
        found += _wrong_profile(customer, interactions)
        found += await _wrong_ledger(redis, store, customer, decided)
        if customer.identity == Identity():  # of others judging.py knows what can be known
            found += actions.wrong(subject, interactions, decided, acted)
        found += await actions.wrong_keys(redis, store, decided)
    counts = {name: each for name, each in (await store.counts()).items() if not name.endswith("|customers")}
    if counts != dict(counted):
        found.append(f"scorecard: {counts} instead of {dict(counted)}")
    return found


def _hashes(interactions: Sequence[Interaction]) -> str:
    """Of what came from outside."""
    outside = [each for each in interactions if each.type not in OUR_OWN]
    return "".join(identity_hash(each.identity) for each in outside[-KEPT_IDENTITIES:])


def _without_summaries(seen: str, interactions: Sequence[Interaction]) -> str:
    """What a customer with several identifiers has summed up is remembered too."""
    summed_up = {identity_hash(each.identity) for each in interactions if each.type == SESSION_ENDED}
    hashes = (seen[at : at + IDENTITY_CHARACTERS] for at in range(0, len(seen), IDENTITY_CHARACTERS))
    return "".join(each for each in hashes if each not in summed_up)


def _wrong_profile(customer: Customer, interactions: Sequence[Interaction]) -> list[str]:
    subject, profile = customer.subject, customer.profile
    expected = Profile()
    ended: list[tuple[int, int, int]] = []
    summaries = {each.id: each for each in interactions if each.type == SESSION_ENDED}
    for each in (each for each in interactions if each.type != SESSION_ENDED):
        before, expected = expected, fold(expected, each, POLICY.definition)
        for visit in _ended(before, expected, each):  # its summary was folded with its end
            ended.append(visit)
            if (name := visits.name_of(subject, *visit[:2])) in summaries:
                expected = fold(expected, summaries.pop(name), POLICY.definition)
    for each in summaries.values():  # of visits of several identifiers; of one, `_wrong_summaries` has none left
        expected = fold(expected, each, POLICY.definition)
    found = _wrong_stages(customer, interactions)
    if customer.identity == Identity() and not profile.visits:  # of others, tests/sim/visits.py says it
        found += _wrong_summaries(subject, interactions, ended)
    if (seen := _without_summaries(profile.seen, interactions)) != _hashes(interactions):
        found.append(f"{subject}: folded {seen} instead of {_hashes(interactions)}")
    spent = sum(each.data["amount"] for each in interactions if each.type == "purchase")
    if profile.features.get(SPEND, 0) != spent:
        found.append(f"{subject}: spent {profile.features.get(SPEND)} instead of {spent}")
    found += [
        f"{subject}: {name} is {has} instead of {should}"
        for name in ("attributes", "features", "sessions", "recent", "first", "last", "tags")
        if (has := getattr(profile, name)) != (should := getattr(expected, name))
    ]
    found += [f"{subject}: {name} still waits" for name in profile.pending]
    return found + [f"{subject}: the visit on {on} never ended" for on, s in profile.sessions.items() if not s.ended]


def _ended(before: Profile, after: Profile, event: Interaction) -> Iterator[tuple[int, int, int]]:
    """Start, end and interactions of the visit that an event has ended. In this policy all visits are on the web."""
    earlier, now = before.sessions.get("web"), after.sessions.get("web")
    if earlier is None or now is None or earlier.ended is not None:
        return
    if now.ended is not None:
        yield now.started, now.ended if now.ended_by else now.last, now.interactions
    elif now.interactions == 1 and event.type not in OUR_OWN and now is not earlier:
        yield earlier.started, earlier.last, earlier.interactions


def _wrong_summaries(subject: str, interactions: Sequence[Interaction], ended: list[tuple[int, int, int]]) -> list[str]:
    """Each visit that ended is summed up once, and was not open before."""
    said = [
        (_started(each), each.at_ms, each.data["interactions"]) for each in interactions if each.type == SESSION_ENDED
    ]
    return [] if sorted(said) == sorted(ended) else [f"{subject}: the summaries {said} for the visits {ended}"]


def _started(summary: Interaction) -> int:
    return at_ms(datetime.fromisoformat(summary.data["started"]))


def _wrong_stages(customer: Customer, interactions: Sequence[Interaction]) -> list[str]:
    """The stages follow from what was spent, and each transition is said once. Of somebody who is known by several
    identifiers only that, since their stages depend on when each of them was heard of."""
    spent, entered = 0.0, list[str]()
    for each in interactions:
        spent += each.data.get("amount", 0)
        stage = "big" if spent > BIG_SPENDER else "new"
        if each.type not in OUR_OWN and entered[-1:] != [stage]:
            entered.append(stage)
    recorded = [stage for stage, _ in reversed(customer.profile.stages)]
    said = [each.data["to"] for each in interactions if each.type == STAGE_CHANGED]
    expected = entered if customer.identity is NOBODY else recorded
    wrong = recorded != expected or said != expected
    return [f"{customer.subject}: stages {recorded}, said {said}, instead of {expected}"] if wrong else []


def _wrong_stages_in_the_end(customers: Mapping[str, Customer], logs: Logs) -> Iterator[str]:
    """Who has just been seen is in the stage that follows from all that was spent under any of their identifiers."""
    for top, names in logs.members().items():
        own = (each.event for name in names for each in logs.met[name] if not each.passed)
        spent = sum(each.data["amount"] for each in own if each.type == "purchase")
        expected, stages = "big" if spent > BIG_SPENDER else "new", customers[top].profile.stages
        if [stage for stage, _ in stages[:1]] != [expected]:
            yield f"{top}: spent {spent} under {names}, and is in the stages {stages}"


async def _wrong_ledger(
    redis: Redis, store: CustomerStore, customer: Customer, messages: Sequence[DecisionRecord]
) -> list[str]:
    """What the API has committed, and what is decided in the log."""
    shard, subject = store.shard(customer.subject), customer.subject
    names: Any = await redis.keys(keys.decision(shard, "*"))
    found: Any = zip(names, await redis.mget(names) if names else (), strict=True)
    asked = [name.rpartition(b":")[2].decode() for name, value in found if value == subject.encode()]
    decided = sorted([*asked, *actions.codes_of(messages)])
    has = sorted(each.code for each in customer.ledger.entries)
    return [] if has == decided else [f"ledger: {subject} has {has}, committed were {decided}"]


def distinct(log: Sequence[Logged], subject: str) -> list[Interaction]:
    """The interactions of a customer in log order, each once."""
    found: dict[str, Interaction] = {}
    for each in log:
        if each.subject == subject and each.topic == "interactions" and not is_poison(each):
            event = _event(each)
            found.setdefault(event.identity, event)
    return list(found.values())


def is_poison(each: Logged) -> bool:
    return each.id.startswith("poison")


def _event(each: Logged) -> Interaction:
    event = CloudEvent.model_validate_json(each.body)
    return POLICY.definition.typed(from_cloud_event(event, 0, POLICY.definition.identifiers, each.subject))


def _counted(interactions: list[Interaction]) -> Iterator[str]:
    for each in interactions:
        if each.type != TIMER_FIRED:
            yield f"{_day(each)}|interactions|{each.type}|{each.channel}"


def _day(event: Interaction) -> str:
    return str(to_cloud_event(event)["time"])[:10]


async def run(redis: Redis, seed: int, trace: list[str] | None = None, broken: Broken | None = None) -> list[str]:
    """What is wrong after one seed. Empties Redis first."""
    hostile = await prepared(redis, seed, trace, broken)
    await hostile.hostile()
    await hostile.quiet()
    await hostile.aftermath()
    await hostile.farewell()
    return await wrong(redis, hostile.failovers, lost=hostile.lost, parted=True)


async def prepared(
    redis: Redis, seed: int, trace: list[str] | None = None, broken: Broken | None = None, kind: type[Run] = Run
) -> Run:
    """An empty Redis, and what will happen on it."""
    await redis.flushdb()
    await redis.config_set("hz", 500)  # how soon an XREAD that waits in vain returns
    hostile = kind(redis, seed, [] if trace is None else trace, broken)
    await CustomerStore.open(redis, hostile.shards)
    return hostile
