"""The invariants of one scenario, read off Redis and Kafka when all has come to rest (docs/reliability.md)."""

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from consumers.dead_letters import InKafka
from consumers.kafka.connection import Connection
from consumers.kafka.ends import Ends
from consumers.kafka.ordering import TOPICS
from consumers.kafka.ours import HEADER
from consumers.kafka.partitions import PartitionReader
from consumers.kafka.reading import Part
from consumers.said import SAYING
from profiles import keys
from profiles.customer import Customer
from profiles.fold import has_seen, identity_hash
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore
from schemas.ledger import LedgerEntry
from tests.faults.clients import OUTCOME
from tests.faults.history import History, identity
from tests.faults.rig import MOST_PER_OFFER, PARTITIONS, SHARDS, Rig, policy_of

PARTS = [Part(topic, number) for topic in TOPICS for number in range(PARTITIONS)]
MOST_TOLD = 5
MOST_COUNTED = 1_000
FEATURES = policy_of()[0].definition.features
COUNT, TOTAL = FEATURES["count"].key, FEATURES["total"].key


@dataclass
class Log:
    """What the shards have taken in from Kafka."""

    places: Counter[tuple[bytes, bytes]] = field(default_factory=Counter)
    put_back: set[tuple[bytes, bytes, bytes]] = field(default_factory=set)
    """Records that were dead letters and have come once more: each has a second place in Kafka."""
    ids: set[tuple[str, str]] = field(default_factory=set)
    """Topic and id."""
    dead: set[str] = field(default_factory=set)
    """Where dead letters stood in Kafka."""

    @staticmethod
    async def read(redis: Redis) -> "Log":
        log = Log()
        for shard in range(SHARDS):
            entries: Any = await redis.xrange(TAKEN_IN.key(shard))
            log.places.update((fields[b"topic"], fields[b"from"]) for _, fields in entries)
            log.ids.update((fields[b"topic"].decode(), fields[b"id"].decode()) for _, fields in entries)
            log.put_back |= {
                (each[b"topic"], each[b"id"], each[b"first_ms"]) for _, each in entries if b"first_ms" in each
            }
            letters: Any = await redis.xrange(keys.dead_letters(shard))
            log.dead.update(fields[b"id"].decode() for _, fields in letters)
        return log


@dataclass
class Verdict:
    lost: int = 0
    doubled: int = 0
    dead: int = 0
    dead_wanted: int = 0
    beyond_caps: int = 0
    """Offers above the cap, made while decisions were forgotten that count against it."""
    never_logged: int = 0
    """Acknowledged over HTTP, and lost with the writes that Redis has lost, before the relay could send it."""
    wrong: list[str] = field(default_factory=list)

    def say(self, what: str, found: Any) -> None:
        if found:
            self.wrong.append(f"{what}: {found[:MOST_TOLD] if isinstance(found, list) else found}")


async def verdict_on(rig: Rig, history: History, *, forgot: bool = False) -> Verdict:
    """`forgot`: Redis has lost writes. Then what counts is what Kafka has."""
    found = Verdict()
    async with rig.connected() as redis:
        store = await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
        log = await Log.read(redis)
        by_subject = history.by_subject()
        customers = await store.read_all({*by_subject, *(subject for subject, _ in history.decided.values())})
        for subject, numbers in by_subject.items():
            logged = {each for each in numbers if ("interactions", identity(each)) in log.ids}
            found.never_logged += len(numbers - logged)
            _interactions(customers[subject], logged if forgot else numbers, found)
        _decisions(customers, history, log, found, forgot=forgot)
        lost_codes = _lost_codes(history, log) if forgot else set()
        excused = {place for place, code in history.answers_at.items() if code in lost_codes}
        found.say("answers that the API would not take", sorted(set(history.given_up) - lost_codes))
    await _each_record_once(rig, log, found)
    _dead_letters(history.poison | (excused & log.dead), log, found)
    found.say("I9 answers about another customer", history.mixed_up)
    return found


def _interactions(customer: Customer, numbers: set[int], found: Verdict) -> None:
    """I1: each is in the profile once."""
    features, subject = customer.profile.features, customer.subject
    missing = [each for each in numbers if not has_seen(customer.profile.seen, identity_hash(identity(each)))]
    count, total = int(features.get(COUNT) or 0), int(features.get(TOTAL) or 0)
    found.lost += len(missing)
    found.doubled += max(0, count - (len(numbers) - len(missing)))
    found.say(f"I1 {subject} lacks", missing)
    if not missing and (count, total) != (len(numbers), sum(numbers)):
        found.say("I1", f"{subject} counts {count} of {len(numbers)}, sums {total} of {sum(numbers)}")


def _decisions(customers: dict[str, Customer], history: History, log: Log, found: Verdict, *, forgot: bool) -> None:
    """I4: each is in the log and once in the ledger; I5: no cap is exceeded; each answer is there."""
    unlogged = [each for each in history.decided if ("decisions", each) not in log.ids]
    found.never_logged += len(unlogged)
    found.lost += 0 if forgot else len(unlogged)
    found.say("I4 not in the log", [] if forgot else unlogged)
    ledgers = {subject: customer.ledger.entries for subject, customer in customers.items()}
    codes = Counter(each.code for entries in ledgers.values() for each in entries)
    accepted = {each.code for entries in ledgers.values() for each in entries if OUTCOME in each.outcomes}
    wanted = {
        code for name, (_, made) in history.decided.items() if not forgot or name not in unlogged for code in made
    }
    found.lost += len(wanted - codes.keys())
    found.say("I4 not in the ledger", sorted(wanted - codes.keys()))
    found.say("I4 twice in a ledger", [code for code, count in codes.items() if count > 1])
    unanswered = sorted((history.answered.keys() & wanted) - accepted)
    if forgot:
        unanswered = [each for each in unanswered if ("responses", f"{each}/{OUTCOME}") in log.ids]
    found.lost += len(unanswered)
    found.say("answers that are in no ledger", unanswered)
    for subject, entries in ledgers.items():
        _caps(subject, [each for each in entries if not each.withheld], history, found)


def _caps(subject: str, made: Sequence[LedgerEntry], history: History, found: Verdict) -> None:
    """I5. What Redis had forgotten could not be counted when others were made, and is left out."""
    offers, known = (
        Counter(each.offer for each in made),
        Counter(each.offer for each in made if each.decision not in history.forgotten),
    )
    found.say(f"I5 {subject} was offered", [each for each in known.items() if each[1] > MOST_PER_OFFER])
    found.beyond_caps += sum(max(0, count - max(MOST_PER_OFFER, known[offer])) for offer, count in offers.items())


async def _each_record_once(rig: Rig, log: Log, found: Verdict) -> None:
    """Each record of the topics is in the log of one shard, or a dead letter, or was folded where it was said."""
    ends = Ends(rig.kafka.connection)
    there = sum((await ends.of(PARTS)).values())
    await ends.close()
    said = await folded_where_said(rig.kafka.connection, PARTS)
    found.say("in the log twice", [place for place, count in log.places.items() if count > 1])
    found.doubled += sum(count - 1 for count in log.places.values())
    if len(log.places) + len(log.dead) + len(log.put_back) + said != there:
        counts = f"{len(log.places)} taken in, {len(log.dead)} dead, {len(log.put_back)} put back and {said} said"
        found.say("log", f"{counts} of {there} in Kafka")


async def folded_where_said(connection: Connection, parts: Sequence[Part]) -> int:
    """How many summaries of visits and the like are in Kafka: the commits that said them have folded them."""
    reader, count = PartitionReader(connection), 0
    try:
        for part, bounds in (await reader.bounds(each for each in parts if each.topic in SAYING)).items():
            async with aclosing(reader.read(part, bounds.begin)) as portions:
                async for entries, following in portions:
                    count += sum(map(_is_said, entries))
                    if following >= bounds.end:
                        break
    finally:
        await reader.close()
    return count


def _is_said(each: InKafka) -> bool:
    is_ours = bool(each.headers) and each.headers[-1][0] == HEADER
    return is_ours and (each.value or b"").endswith(b'"folded":true}')


def _lost_codes(history: History, log: Log) -> set[str]:
    """Of decisions that no log has: nobody knows them any more."""
    lost = (made for name, (_, made) in history.decided.items() if ("decisions", name) not in log.ids)
    return {code for made in lost for code in made}


def _dead_letters(wanted: set[str], log: Log, found: Verdict) -> None:
    """I8."""
    found.dead, found.dead_wanted = len(log.dead), len(wanted)
    found.say("I8 no dead letter", sorted(wanted - log.dead))
    found.say("I8 dead without need", sorted(log.dead - wanted))


@dataclass
class Lag:
    """I7: records that are not in Kafka, not taken in, or not folded yet (of these 1,000 of each shard at most)."""

    waiting: dict[int, int] = field(default_factory=dict)
    """In outboxes, by shard."""
    untaken: dict[str, int] = field(default_factory=dict)
    """In Kafka, by shard and partition."""
    unfolded: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.waiting.values()) + -(-sum(self.untaken.values()) // SHARDS) + sum(self.unfolded.values())

    def __str__(self) -> str:
        said = {"in outboxes": self.waiting, "not taken in": self.untaken, "not folded": self.unfolded}
        return "; ".join(f"{name} {where}" for name, where in said.items() if where)


async def lag(redis: Redis, ends: Ends) -> Lag:
    """Raises LogUnavailable and RedisError."""
    found, there = Lag(), await ends.of(PARTS)
    for shard in range(SHARDS):
        if waiting := await redis.xlen(keys.outbox(shard)):
            found.waiting[shard] = waiting
        position = int(await redis.hget(keys.guard(shard), TAKEN_IN.position) or 0)
        after = f"({position >> 20}-{position & ((1 << 20) - 1)}"
        entries: Any = await redis.xrange(TAKEN_IN.key(shard), min=after, count=MOST_COUNTED)
        if entries:
            found.unfolded[shard] = len(entries)
        reached: Any = await redis.hmget(keys.guard(shard), [f"off:{topic}:{number}" for topic, number in PARTS])
        behind = {part: there[part] - int(at or 0) for part, at in zip(PARTS, reached, strict=True)}
        found.untaken |= {f"{shard} of {part}": count for part, count in behind.items() if count > 0}
    return found
