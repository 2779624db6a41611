"""A life in a log of which every record may come again, at any later place: what a relay does that dies before it cuts.

Production folds, decides and answers; store, log and clock are in memory, so that two lives of one seed, with and
without repeats, can be compared in all that they have led to.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import orjson
from msgspec.structs import replace

from app.decisioning import Asked, Decisioning
from app.errors import UnknownResponseCode
from app.identities import Identities
from app.responding import Responding
from consumers.accepting import record_of
from consumers.folding import ProfileFold
from consumers.live import LivePolicy, PolicySource
from consumers.log import LogRecord
from consumers.said import is_folded
from consumers.timers import record_of as fired
from profiles.customer import Customer
from profiles.people import Person
from profiles.shards import shard_of
from profiles.shelf import Count
from profiles.store import STREAMS, Commit, Committed, CustomerStore, Record, timer_member
from rules.answer import Origin
from rules.arbitration import NothingLearned
from schemas.base import moment
from schemas.decision import DecisionRequest
from schemas.identity import LinkRequest
from schemas.response import ResponseRequest
from tests.builders import DAY, HOUR, MINUTE, NOON_MS, interaction
from tests.consumers.conftest import Counted

SHARDS = 4
CUSTOMERS = ("customer:ada", "customer:bob")
VISITORS = ("visitor:v-1", "visitor:v-2", "visitor:v-3")
STEP = 1 << 20


@dataclass
class Reads:
    """A trip that reads values."""

    values: Mapping[str, bytes]
    keys: list[str] = field(default_factory=list)

    def add(self, command: str, key: str) -> None:
        assert command == "GET"
        self.keys.append(key)

    async def run(self) -> list[bytes | None]:
        return [self.values.get(key) for key in self.keys]


@dataclass
class Memory:
    """What the services and the fold know of a store, for one process in which nothing happens at the same time."""

    append_all: Callable[[Iterable[Record]], None]
    shards: int = SHARDS
    customers: dict[str, Customer] = field(default_factory=dict)
    values: dict[str, bytes] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    kept: Counter[tuple[str, str, bytes]] = field(default_factory=Counter)
    """Actions and dead letters: topic, id and body."""

    @property
    def scripts(self) -> SimpleNamespace:
        return SimpleNamespace(reading=lambda: Reads(self.values))

    def shard(self, subject: str) -> int:
        return shard_of(subject, SHARDS)

    async def read(self, subject: str) -> Customer:
        return self.customers.get(subject, Customer(subject))

    async def read_all(self, subjects: Iterable[str]) -> dict[str, Customer]:
        return {each: await self.read(each) for each in subjects}

    async def read_with_stock(self, subjects: Iterable[str], _: None) -> tuple[dict[str, Customer], dict[str, Count]]:
        """No policy here has a stock."""
        return await self.read_all(subjects), {}

    async def value(self, key: str) -> bytes | None:
        return self.values.get(key)

    async def confirm(self, subject: str) -> None: ...

    async def append(self, records: Iterable[Record]) -> None:
        self.append_all(records)

    async def commit(self, commit: Commit) -> Committed:
        before = self.customers.get(commit.subject, Customer(commit.subject))
        assert commit.expected in (None, before.version)
        if commit.erasures:
            self._forget(commit)
            before = Customer(commit.subject, before.version)
        changed = {
            name: value for name in ("profile", "ledger", "identity") if (value := getattr(commit, name)) is not None
        }
        version = str(int(before.version) + 1)
        self.customers[commit.subject] = replace(before, version=version, **changed)
        self.values.update({each.key: each.value for each in commit.new_keys})
        self.counts.update(commit.counts)
        for name, due in commit.timers.items():
            self.timers.pop(timer_member(commit.subject, name), None)
            if due is not None:
                self.timers[timer_member(commit.subject, name)] = due
        self.append_all(commit.records)
        return Committed.OK

    def _forget(self, commit: Commit) -> None:
        for each in commit.erasures:
            for name in each.timers:
                self.timers.pop(timer_member(commit.subject, name), None)


class Decisions(Decisioning):
    """Without chance."""

    def _origin(self, asked: Asked, person: Person, policy: LivePolicy, number: int) -> Origin:
        return replace(super()._origin(asked, person, policy, number), seed=7)


class Life:
    """`again`: the share of records that come a second time, up to MOST_LATE operations later."""

    def __init__(self, policy: LivePolicy, seed: int, again: float, latest: int = 40) -> None:
        self._chance, self._repeats = random.Random(seed), random.Random(seed + 1)
        self._again, self._latest = again, latest
        self._policy, self._number, self._offset, self.now_ms = policy, 0, 0, NOON_MS
        self.store = Memory(self._append)
        self._log: list[Record] = []
        self._later: list[tuple[int, Record]] = []
        self._codes: list[str] = []
        self.repeated = 0
        self.said: Counter[tuple[str, str, str, bytes]] = Counter()
        """Originals of the log."""
        self.passed: Counter[tuple[str, bytes]] = Counter()
        """Events that identifiers have passed on to their owners."""
        self._fold = ProfileFold(policy, Counted())
        source, store = cast("PolicySource", SimpleNamespace(current=policy)), cast("CustomerStore", self.store)
        self._decisions = Decisions(store, source, NothingLearned(), Counted(), 30 * DAY)
        self._responding = Responding(store, source, Counted())
        self._identities = Identities(store, source)

    async def go_on(self, operations: Sequence[str], count: int) -> "Life":
        for self._number in range(count):
            await getattr(self, f"_{self._chance.choice(operations)}")()
            await self._follow()
            while self._later and self._later[0][0] <= self._number:
                await self._repeat()
        while self._later:
            await self._repeat()
        return self

    def _append(self, records: Iterable[Record]) -> None:
        for each in records:
            if each.topic in STREAMS and each.topic != "identities":
                self.store.kept[each.topic, each.id, each.body] += 1
            else:
                self._log.append(each)
                self._note(each)

    def _note(self, record: Record) -> None:
        if self._repeats.random() < self._again:
            self._later.append((self._number + self._repeats.randint(0, self._latest), record))
            self._later.sort(key=lambda each: each[0])
        if "@" in record.id and record.topic == "identities":  # parts are said again whenever there is reason to
            for each in orjson.loads(record.body).get("events", ()):
                self.passed[record.subject, orjson.dumps(each)] += 1
        else:
            self.said[record.topic, record.id, record.subject, record.body] += 1

    async def _repeat(self) -> None:
        _, record = self._later.pop(0)
        self.repeated += 1
        self._log.append(record)
        await self._follow()

    async def _follow(self) -> None:
        while self._log:
            each = self._log.pop(0)
            self._offset += STEP
            record = LogRecord(each.topic, self._offset, self.now_ms, each.id, each.subject, each.body)
            if is_folded(record):
                continue
            customer = await self.store.read(each.subject)
            commit = self._fold(customer, [record], self.store.shard(each.subject))
            if commit.expected is not None:
                await self.store.commit(commit)

    # what happens

    async def _interact(self) -> None:
        kind = self._chance.choice(("page_view", "page_view", "purchase", "call_started", "identify"))
        subject, *links = self._named()
        event = interaction(
            kind,
            self.now_ms - self._chance.choice((0, 0, MINUTE, HOUR)),
            id=f"e-{self._number}",
            subject=subject,
            links=tuple(links),
            data=self._data(kind),
        )
        self._append([record_of(replace(event, policy=self._policy.revision))])

    def _named(self) -> list[str]:
        customer, visitor = self._chance.choice(CUSTOMERS), self._chance.choice(VISITORS)
        return self._chance.choice(([customer], [visitor], [visitor], [customer, visitor]))

    def _data(self, kind: str) -> Mapping[str, Any]:
        match kind:
            case "purchase":
                return {"amount": float(self._chance.randint(1, 12)), "product": "tv"}
            case "page_view":
                return {"product": self._chance.choice(("tv", "pc"))}
            case "call_started":
                return {"age": self._chance.randint(20, 60)}
        return {"city": self._chance.choice(("Porto", "Lisboa")), "since": self.now_ms + 2 * HOUR}

    async def _decide(self) -> None:
        subject = self._chance.choice((*CUSTOMERS, *VISITORS))
        kind, _, name = subject.partition(":")
        placement = self._chance.choice(("hero", "hero", "nowhere"))
        asked = {kind: name, "id": f"q-{self._number}", "channel": "web", "placements": [{"placement": placement}]}
        made = await self._decisions.decide(DecisionRequest.model_validate(asked), self._now())
        self._codes += [each.code for each in made.treatments]

    async def _respond(self) -> None:
        if not self._codes:
            return
        outcome = self._chance.choice(("presented", "accepted", "declined"))
        said = {"code": self._chance.choice(self._codes), "outcome": outcome, "amount": 3}
        with suppress(UnknownResponseCode):
            await self._responding.respond(ResponseRequest.model_validate(said), self._now())

    async def _judge(self) -> None:
        visitor = self._chance.choice(VISITORS)
        owner = (await self.store.read(visitor)).identity.owner
        if owner is not None and self._chance.random() < 0.3:
            await self._identities.unlink(LinkRequest(identifier=visitor, owner=owner), self._now())

    async def _pass(self) -> None:
        """Time passes, and timers fire in their order."""
        self.now_ms += self._chance.choice((MINUTE, 10 * MINUTE, HOUR, DAY))
        due = sorted((at, member) for member, at in self.store.timers.items() if at <= self.now_ms)
        for at, member in due:
            del self.store.timers[member]
            self._append([fired(member, at)])

    def _now(self) -> datetime:
        return moment(self.now_ms).astimezone(UTC)

    def found(self) -> dict[str, Any]:
        """All that the life has led to, without positions in the log."""
        return {
            "customers": {name: _without_positions(each) for name, each in sorted(self.store.customers.items())},
            "timers": self.store.timers,
            "counts": dict(self.store.counts),
            "kept": dict(self.store.kept),
            "said": dict(self.said),
            "passed": dict(self.passed),
            "values": self.store.values,
        }


def _without_positions(customer: Customer) -> dict[str, Any]:
    identity = customer.identity.as_json()
    for source in identity.get("sources", {}).values():
        del source["version"]
        for part in source["parts"].values():
            del part["version"]
            part["profile"].pop("marks", None)
    profile = customer.profile.as_json()
    profile.pop("marks", None)
    return {"profile": profile, "ledger": customer.ledger.as_json(), "identity": identity}
