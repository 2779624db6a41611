"""The store of customers in Redis: reading them, and the one way to change them.

Everything that one step changes is a `Commit`, done by one script in the slot of its customer
(lua/commit.lua).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from os import urandom
from typing import Any

import orjson
from msgspec import Struct, structs
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from profiles import keys
from profiles.connection import refusals_as_unavailable
from profiles.customer import NEVER, Customer
from profiles.holds import Move
from profiles.identity import NOBODY, Identity
from profiles.linking import Linking, Links
from profiles.log_stream import OUTBOX, LogStream
from profiles.profile import Profile
from profiles.replication import online, run_until_replicated
from profiles.scripts import Batch, Scripts
from profiles.shards import shard_of
from profiles.shelf import Count, Shelf
from profiles.stocks import Stocks
from schemas.ledger import Ledger

NOTHING_SAID, NOTHING_AHEAD = Ledger(), Linking()
CUSTOMER_FIELDS = ("version", "profile", "ledger", "identity", "linking")
"""A guarded batch reads all but the last, which no fold may see (lua/customer.lua)."""

DEAD_LETTERS, ACTIONS, IDENTITIES = "dead-letters", "actions", "identities"
ERASURES = "erasures"
STREAMS = {DEAD_LETTERS: keys.dead_letters, ACTIONS: keys.actions, IDENTITIES: keys.transit}
"""Topics with a stream of their own; all others stand in the outbox."""
STREAM_TOPICS = tuple(STREAMS)
ACTIONS_KEPT_MS = 7 * 86_400_000
"""How long an action can be read: what is older goes when the next one of its shard comes."""
OUTBOX_KEY, FIRST_STREAM = 2, 6
"""Where the outbox and the other streams stand among the keys of a commit (lua/commit.lua)."""


class Record(Struct, frozen=True):
    """Something that is said about a customer, for the log."""

    topic: str
    id: str
    subject: str
    body: bytes
    own_log: bool = False
    """It goes into the outbox, though its topic has a stream of its own on the way to other shards."""

    def args(self) -> tuple[str, str, str, bytes]:
        return self.topic, self.id, self.subject, self.body

    @property
    def stream(self) -> int:
        """Which of a commit's keys it is appended to, counted from 1."""
        if self.own_log or self.topic not in STREAMS:
            return OUTBOX_KEY
        return FIRST_STREAM + STREAM_TOPICS.index(self.topic)


class NewKey(Struct, frozen=True):
    """A key that must not exist yet, and how long it lives."""

    key: str
    value: bytes
    ttl_ms: int
    replaces: bool = False
    """A worker may write it again: a decision that follows from the log has the same id whenever it is folded."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Somebody asked to erase a customer; all that the log said before is of the old life. Or, where it `names` one who
    was erased: that name goes out of this one's log."""

    receipt: str
    requested_ms: int
    at: str
    """Where the request stands in the log (stream id)."""
    timers: Sequence[str] = ()
    """Names of the timers that the old life may have set."""
    told: Sequence[str] = ()
    """Receipts of those who hear of it."""
    names: str | None = None


class Commit(Struct, frozen=True):
    """One step of one customer."""

    subject: str
    expected: str | None
    """The version that was read, which must still hold; None for any."""
    profile: Profile | None = None
    ledger: Ledger | None = None
    identity: Identity | None = None
    ttl_ms: int | None = None
    """How long the customer is kept; None is for ever."""
    records: Sequence[Record] = ()
    timers: Mapping[str, int | None] = {}
    """Due time in ms by name; None cancels."""
    counts: Mapping[str, int] = {}
    new_keys: Sequence[NewKey] = ()
    erasures: Sequence[Erasure] = ()
    """They come first: everything else here is of the time after them."""
    passed_over: Sequence[str] = ()
    """Records of the log (stream ids) that came of what was erased: they go."""
    links: Links | None = None
    moves: Sequence[Move] = ()
    """What it moves in the stock of the shard."""


class Committed(StrEnum):
    OK = "OK"
    CONFLICT = "CONFLICT"
    """Somebody else changed the customer meanwhile: read again."""
    FENCED = "FENCED"
    """Another worker owns the shard now."""
    DONE = "DONE"
    """This very step was committed before (a retry)."""
    TAKEN = "TAKEN"
    """One of the new response codes is in use: draw others."""
    SHORT = "SHORT"
    """There is not enough left of what is to be held: read again."""


BY_NAME = {each.value.encode(): each for each in Committed}
"""As Redis answers."""


@dataclass(frozen=True, slots=True)
class Server:
    version: str
    durability: str
    """The append-only file's fsync policy; `none` without one, `unknown` where the server does not tell."""
    replicas: int
    """How many follow it."""


class CustomerStore:
    """`replicas`: how many must have what `commit` and `append` write before it is said to be there. `space`: the
    namespace in each shard; a rebuild folds into another than the live one. `log`: which stream is folded."""

    def __init__(
        self, redis: Redis, shards: int, replicas: int = 0, space: str = keys.LIVE, log: LogStream = OUTBOX
    ) -> None:
        self.scripts = Scripts(redis)
        self.shards = shards
        self.stocks = Stocks(self.scripts, shards)
        self.space = space
        self.log = log
        self.tombstones = keys.LIVE
        """The namespace of those that hold for this log."""
        self._replicas = replicas

    @staticmethod
    async def open(redis: Redis, shards_if_new: int, replicas: int = 0, log: LogStream = OUTBOX) -> "CustomerStore":
        """Opens the store; a new one gets this many shards for ever. Raises StoreUnavailable."""
        with refusals_as_unavailable():
            if await redis.hget(keys.META, "shards") is None:  # one that is full can be opened too
                await redis.hsetnx(keys.META, "shards", str(shards_if_new))
            shards = int(await redis.hget(keys.META, "shards") or shards_if_new)
            store = CustomerStore(redis, shards, replicas, log=log)
            await store.scripts.load()
        return store

    def shard(self, subject: str) -> int:
        return shard_of(subject, self.shards)

    async def read(self, subject: str) -> Customer:
        key = keys.customer(self.shard(subject), subject, self.space)
        return customer_from(subject, await self.scripts.asked("HMGET", key, *CUSTOMER_FIELDS))

    async def read_all(self, subjects: Iterable[str]) -> dict[str, Customer]:
        """In one round trip; not at one moment where they lie in several shards."""
        return (await self.read_with_stock(subjects, None))[0]

    async def read_with_stock(
        self, subjects: Iterable[str], shelf: Shelf | None
    ) -> tuple[dict[str, Customer], Mapping[str, Count]]:
        """Likewise, with what the shard of the first one has of the supplies."""
        wanted = list(dict.fromkeys(subjects))
        batch = self.scripts.reading()
        for subject in wanted:
            batch.add("HMGET", keys.customer(self.shard(subject), subject, self.space), *CUSTOMER_FIELDS)
        if shelf is not None:
            shelf.add_read(batch, self.shard(wanted[0]))
        answers = await batch.run()
        counts = {} if shelf is None else shelf.counted(answers.pop())
        found = zip(wanted, answers, strict=True)
        return {subject: customer_from(subject, answer) for subject, answer in found}, counts

    def begin_keys(self, shard: int, subjects: Iterable[str]) -> list[str]:
        """Of BEGIN. The log is the live one's, wherever it is folded to."""
        return [keys.guard(shard, self.space), self.log.key(shard), *self._readable(shard, subjects)]

    def read_keys(self, shard: int, subjects: Iterable[str]) -> list[str]:
        """Of reading again within a guarded batch."""
        return [keys.guard(shard, self.space), *self._readable(shard, subjects)]

    def end_keys(self, shard: int) -> list[str]:
        """Of END."""
        return [keys.guard(shard, self.space), self.log.key(shard, self.space)]

    def _readable(self, shard: int, subjects: Iterable[str]) -> list[str]:
        return [
            keys.erased(shard, self.tombstones),
            *(keys.customer(shard, subject, self.space) for subject in subjects),
        ]

    async def commit(self, commit: Commit) -> Committed:
        """Commits a step that follows from no log (the API's)."""
        (result,) = await self.commit_each([commit])
        return result

    async def commit_each(self, commits: Sequence[Commit]) -> list[Committed]:
        """Such steps of several customers, each for itself, in one round trip."""
        batch = self.scripts.writing()
        for each in commits:
            self.add_commit(batch, each)
        return [committed(answer) for answer in await run_until_replicated(batch, self._replicas)]

    def add_commit(self, batch: Batch, commit: Commit, nonce: str = "") -> None:
        """Puts a commit into a batch; `committed` takes the answer."""
        shard = self.shard(commit.subject)
        batch.call("commit", _keys(shard, commit, self.space), _args(commit, nonce, self.space + self.log.name))

    async def append(self, records: Iterable[Record]) -> None:
        """Appends to the outboxes, in one round trip. Returns when Redis has them all."""
        by_shard: dict[int, list[Any]] = {}
        for record in records:
            by_shard.setdefault(self.shard(record.subject), []).extend(record.args())
        batch = self.scripts.writing()
        for shard, args in by_shard.items():
            batch.call("append", [keys.outbox(shard)], args)
        if by_shard:
            await run_until_replicated(batch, self._replicas)

    async def confirm(self, subject: str) -> None:
        """Returns once what was committed for this subject is kept as `commit` promises: for an answer that repeats
        an earlier one, whose own wait may have failed. Raises StoreUnavailable."""
        if self._replicas:
            batch = self.scripts.writing()
            batch.add("EXISTS", keys.customer(self.shard(subject), subject))
            await run_until_replicated(batch, self._replicas)

    async def value(self, key: str) -> bytes | None:
        """The value of a decision's or code's key."""
        answer = await self.scripts.asked("GET", key)
        return None if answer is None else bytes(answer)

    async def server(self) -> "Server":
        """What the Redis that answers now says of itself."""
        batch = self.scripts.batch()
        batch.add("INFO", "server")
        batch.add("INFO", "persistence")
        batch.add("INFO", "replication")
        server, persistence, replication = await batch.run()
        durability = await self._durability(int(persistence["aof_enabled"]))
        return Server(str(server["redis_version"]), durability, online(replication))

    async def _durability(self, append_only: int) -> str:
        if not append_only:
            return "none"
        with refusals_as_unavailable():
            try:
                found = await self.scripts.redis.config_get("appendfsync")
            except ResponseError:  # a hosted Redis may forbid CONFIG
                return "unknown"
        return str(found["appendfsync"])

    async def counts(self) -> Counter[str]:
        """The scorecard's counts, summed over all shards."""
        batch = self.scripts.batch()
        for shard in range(self.shards):
            batch.add("HGETALL", keys.scorecard(shard))
        total: Counter[str] = Counter()
        for answer in await batch.run():
            for name, amount in answer.items():
                total[name.decode()] += int(amount)
        return total


def customer_from(subject: str, answer: Sequence[bytes | None]) -> Customer:
    version, profile, ledger, identity, *ahead = answer
    return Customer(
        subject=subject,
        version=version.decode() if version else NEVER,
        profile=Profile.loads(profile) if profile else Profile(),
        ledger=Ledger.loads(ledger) if ledger else NOTHING_SAID,
        identity=Identity.from_json(orjson.loads(identity)) if identity else NOBODY,
        linking=Linking.loads(ahead[0]) if ahead and ahead[0] else NOTHING_AHEAD,
    )


def committed(answer: Sequence[bytes]) -> Committed:
    return BY_NAME[answer[0]]


def _keys(shard: int, commit: Commit, space: str) -> list[str]:
    always = [keys.customer(shard, commit.subject, space), *_keys_of(shard, space)]
    if not commit.new_keys and not commit.erasures:
        return always
    of_the_customer = keys.index(shard, commit.subject, space), keys.erasing(shard, space)
    return [*always, *of_the_customer, *(each.key for each in commit.new_keys)]


@lru_cache(maxsize=10_000)
def _keys_of(shard: int, space: str) -> tuple[str, ...]:
    return (
        keys.outbox(shard, space),
        keys.timers(shard, space),
        keys.guard(shard, space),
        keys.scorecard(shard, space),
        *(stream(shard, space) for stream in STREAMS.values()),
    )


def _args(commit: Commit, nonce: str, log: str) -> list[Any]:
    args: list[Any] = [
        nonce,
        "" if commit.expected is None else commit.expected,
        urandom(3).hex(),
        b"" if commit.profile is None else commit.profile.dumps(),
        b"" if commit.ledger is None else commit.ledger.dumps(),
        b"" if commit.identity is None else orjson.dumps(commit.identity.as_json()),
        "" if commit.ttl_ms is None else commit.ttl_ms,
        ACTIONS_KEPT_MS,
        _erased(commit, log),
        b"" if commit.links is None else commit.links.dumps(),
        orjson.dumps([structs.astuple(each) for each in commit.moves]) if commit.moves else b"",
    ]
    args.append(len(commit.new_keys))
    for new in commit.new_keys:
        args.extend((new.value, new.ttl_ms, "1" if new.replaces else ""))
    args.append(len(commit.records))
    first = commit.new_keys[0].value if commit.new_keys else None
    for record in commit.records:
        assert record.body  # an empty one stands for the value of the first new key
        body = b"" if record.body is first else record.body
        args.extend((record.stream, record.topic, record.id, record.subject, body))
    args.append(len(commit.timers))
    for name, due in commit.timers.items():
        args.extend((timer_member(commit.subject, name), "" if due is None else due))
    args.append(len(commit.counts))
    for name, amount in commit.counts.items():
        args.extend((name, amount))
    return args


def _erased(commit: Commit, log: str) -> bytes:
    if not commit.erasures and not commit.passed_over:
        return b""
    erasures = [
        {
            "receipt": each.receipt,
            "requested_ms": str(each.requested_ms),
            "at": each.at,
            **({"told": each.told} if each.names is None else {"names": each.names}),
        }
        for each in commit.erasures
    ]
    timers = sorted({name for each in commit.erasures for name in each.timers})
    asked = {"erasures": erasures, "timers": timers, "passed_over": list(commit.passed_over), "log": log}
    return orjson.dumps({"subject": commit.subject, **asked})


def timer_member(subject: str, name: str) -> str:
    return f"{subject}|{name}"
