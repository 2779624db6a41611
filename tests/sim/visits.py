"""The visits of everybody, from the log alone and from lists of raw interactions: what each identifier must have summed
up, whoever it belongs to and whoever belongs to it.

A second telling of `profiles/visits.py` and `consumers/folding/visits.py` that adds nothing up: a visit is the list of
its interactions. All visits of the simulation are on the web.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from redis.asyncio import Redis

from consumers.folding.sessions import SOURCE
from consumers.redis_streams import offset_of
from consumers.timers import SOURCE as CLOCK
from profiles import keys
from profiles.aggregates import digest
from profiles.definition import Definition
from profiles.identity import NOBODY
from profiles.sessions import SESSION_TIMER
from profiles.store import CustomerStore
from schemas.base import at_ms
from schemas.interaction import OUR_OWN, SESSION_ENDED, TIMER_FIRED, CloudEvent, Interaction, from_cloud_event

Told = tuple[int, int, int]
"""Start, end and interactions of a visit."""


class Summed(NamedTuple):
    started: int
    last: int
    interactions: int
    under: frozenset[str]
    """The identifiers that the interactions name."""


@dataclass(frozen=True, slots=True)
class Entry:
    offset: int
    topic: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Visits:
    """The interactions of the visit in progress, and start and end of the one before."""

    now: tuple[Interaction, ...] = ()
    before: tuple[int, int] | None = None
    after: int | None = None
    """When the visit before that one ended, if none is in progress."""

    def over(self, ended_ms: int) -> "Visits":
        return Visits((), (self.started, ended_ms), self.before[1] if self.before else None)

    def with_late(self, at: int, idle_ms: int) -> "Visits":
        """A session that is over is longer by what belongs to it and arrives late."""
        if self.now or self.before is None or not self.before[0] - idle_ms <= at <= self.before[1]:
            return self
        if self.after is not None and at <= self.after:
            return self
        return Visits((), (min(at, self.before[0]), self.before[1]), self.after)

    @property
    def started(self) -> int:
        return min(each.at_ms for each in self.now)

    @property
    def last(self) -> int:
        return max(each.at_ms for each in self.now)

    @property
    def as_session(self) -> "Visits":
        """A session knows of the visit before only when it ended."""
        return Visits(self.now, (self.before[1], self.before[1])) if self.now and self.before else self

    def summed(self) -> Summed:
        return Summed(self.started, self.last, len(self.now), frozenset(each.subject for each in self.now))


@dataclass(frozen=True, slots=True)
class Passed:
    """What an identifier has for its owner."""

    offset: int
    to: str
    what: "Interaction | Visits"


@dataclass
class Teller:
    """Tells the story of one identifier, record by record."""

    subject: str
    all: "Everybody"
    owner: str | None = None
    claims: dict[str, int] = field(default_factory=dict)
    sources: dict[str, tuple[int, dict[str, int]]] = field(default_factory=dict)
    """By source its version, and the versions of the parts that it has sent."""
    heard: dict[str, int] = field(default_factory=dict)
    """How much of what a source has passed on has arrived."""
    own: Visits = field(default_factory=Visits)
    whole: Visits | None = None
    """None where the own visits are all there are."""
    seen: dict[str, int] = field(default_factory=dict)
    """Offsets of the distinct interactions, by identity."""
    owned: list[tuple[int, Visits]] = field(default_factory=list)
    """How the own visits were at each offset."""
    passed: list[Passed] = field(default_factory=list)
    summed: list[Summed] = field(default_factory=list)

    @property
    def visits(self) -> list[Told]:
        """The distinct ones, as they were when they were first summed up: of those with the same start and end one that
        the identifier took part in itself, and one of each set of others."""
        found: dict[tuple[int, int, frozenset[str]], Told] = {}
        for started, last, interactions, under in self.summed:
            others = frozenset[str]() if self.subject in under else under
            found.setdefault((started, last, others), (started, last, interactions))
        return sorted(found.values())

    def tell(self, entries: Sequence[Entry]) -> None:
        for each in entries:
            if each.topic == "interactions" and not each.id.startswith("poison"):
                self._interaction(each.offset, self.all.event(self.subject, each.body))
            elif each.topic == "identities":
                self._identity(each.offset, orjson.loads(each.body))

    def _interaction(self, offset: int, event: Interaction) -> None:
        if event.identity in self.seen:
            return
        self.seen[event.identity] = offset
        before, self.own = self.own, self._with(self.own, event, self.owner is None and self.whole is None)
        self.own = self.all.with_late(self.own, event)
        if self.whole is not None:
            self.whole = self._with(self.whole, event, says=True)
        if self.owner is not None and event.type != TIMER_FIRED:
            self.passed.append(Passed(offset, self.owner, event))
        if self.own is not before:
            self.owned.append((offset, self.own))

    def _with(self, visits: Visits, event: Interaction, says: bool) -> Visits:
        found, over = self.all.told(visits, event)
        if says and over is not None:
            self.summed.append(over)
        return found

    def _identity(self, offset: int, said: dict[str, Any]) -> None:
        if said["kind"] == "claim":
            self.claims[said["claimant"]] = min(said["at_ms"], self.claims.get(said["claimant"], said["at_ms"]))
            owner = min((at, name) for name, at in self.claims.items())[1]
            if owner != self.owner:
                self._give_away(offset, owner)
        elif said["kind"] == "parts" and said["version"] > self.sources.get(said["source"], (0, {}))[0]:
            self._parts(offset, said)

    def _give_away(self, offset: int, owner: str) -> None:
        given = [self.whole or self.own.as_session]
        if self.owner is not None:
            given += [self.all.own_at(name, version).as_session for name, version in self._others().items()]
        self.owner, self.whole = owner, None
        self.passed += [Passed(offset, owner, each) for each in given if each.now or each.before]

    def _others(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for _, parts in self.sources.values():
            for name, version in parts.items():
                found[name] = max(version, found.get(name, 0))
        return found

    def _parts(self, offset: int, said: dict[str, Any]) -> None:
        source, version = said["source"], said["version"]
        parts = {name: part["version"] for name, part in said["parts"].items()}
        news = self.all.passed_by(source, self.subject, self.heard.get(source, 0), version)
        self.heard[source] = version
        if self.owner is not None:
            self.passed += [Passed(offset, self.owner, each) for each in news]
        else:
            if self.whole is None and (parts or any(isinstance(each, Interaction) for each in news)):
                self.whole = self.own.as_session
            self._hear(news, self._others(), parts)
        self.sources[source] = (version, parts)
        if self.whole is not None:
            members = {self.subject, *self._others()}
            self.whole = Visits(tuple(e for e in self.whole.now if e.subject in members), self.whole.before)

    def _hear(self, news: Sequence[Interaction | Visits], known: dict[str, int], arrived: dict[str, int]) -> None:
        for given in (each for each in news if isinstance(each, Visits)):
            self.whole, over = self.all.together(self.whole or Visits(), given)
            self.summed += over
        missed, parts = Visits(), {name: self.all.own_at(name, version) for name, version in known.items()}
        fresh: set[str] = set()
        for event in (each for each in news if isinstance(each, Interaction)):
            on_time, name = True, event.subject
            if name in known or name not in arrived:
                if event.identity in fresh or self.all.folded(name, event.identity) <= known.get(name, 0):
                    continue
                fresh.add(event.identity)
                had = parts.get(name, Visits())
                parts[name], _ = self.all.told(had, event)
                on_time = parts[name] is not had
                parts[name] = self.all.with_late(parts[name], event)
            whole = self.whole or Visits()
            if on_time and event.type not in OUR_OWN and self.all.is_before(whole, event.at_ms):
                missed = self._with(missed, event, says=True)
            else:
                self.whole = self._with(whole, event, says=True)
        self.summed += [missed.summed()] if missed.now else []


class Everybody:
    """All identifiers. One that passes on something is told before who hears of it: claims go one way only."""

    def __init__(self, logs: dict[str, list[Entry]], definition: Definition) -> None:
        self._logs = logs
        self._definition = definition
        self._idle = definition.session_idle_ms
        self._tellers: dict[str, Teller] = {}

    def __getitem__(self, subject: str) -> Teller:
        if subject not in self._tellers:
            self._tellers[subject] = Teller(subject, self)
            self._tellers[subject].tell(self._logs.get(subject, ()))
        return self._tellers[subject]

    def event(self, subject: str, body: bytes) -> Interaction:
        event = from_cloud_event(CloudEvent.model_validate_json(body), 0, self._definition.identifiers, subject)
        return self._definition.typed(event)

    def passed_by(self, source: str, to: str, after: int, until: int) -> list[Interaction | Visits]:
        return [each.what for each in self[source].passed if each.to == to and after < each.offset <= until]

    def folded(self, subject: str, identity: str) -> int:
        return self[subject].seen.get(identity, 0)

    def own_at(self, subject: str, offset: int) -> Visits:
        return next((each for at, each in reversed(self[subject].owned) if at <= offset), Visits())

    def told(self, visits: Visits, event: Interaction) -> tuple[Visits, Summed | None]:
        """What an event makes of the visits under one name, and the one that it ends."""
        if event.type == TIMER_FIRED:
            is_over = event.data["timer"] == "session:web" and visits.now and event.at_ms - visits.last >= self._idle
            return (visits.over(event.at_ms), visits.summed()) if is_over else (visits, None)
        if event.type in OUR_OWN or event.channel != "web":
            return visits, None
        at, before, ends = event.at_ms, visits.before, event.type in self._definition.session_ends
        if visits.now and at <= visits.last + self._idle:
            if at < visits.started - self._idle or (before is not None and at <= before[1]):
                return visits, None
            now = Visits((*visits.now, event), before)
            return (now.over(now.last), now.summed()) if ends else (now, None)
        if ends or (before is not None and not visits.now and at <= before[1]):
            return visits, None
        over = visits.summed() if visits.now else None
        return Visits((event,), (visits.started, visits.last) if visits.now else before), over

    def with_late(self, visits: Visits, event: Interaction) -> Visits:
        if event.type in OUR_OWN or event.channel != "web":
            return visits
        return visits.with_late(event.at_ms, self._idle)

    def is_before(self, visits: Visits, at: int) -> bool:
        if visits.now:
            early = at < visits.started - self._idle
            return early and not (visits.before and visits.before[0] - self._idle <= at <= visits.before[1])
        return visits.before is not None and at < visits.before[0] - self._idle

    def together(self, mine: Visits, theirs: Visits) -> tuple[Visits, list[Summed]]:
        if not theirs.now:
            if theirs.before is None:
                return mine, []
            if not mine.now:
                return Visits((), max((each for each in (theirs.before, mine.before) if each), key=_end)), []
            return Visits(mine.now, _latest(mine.started, mine.before, theirs.before)), []
        if mine.before and mine.before[0] - self._idle <= theirs.last <= mine.before[1]:
            return mine, []
        if not mine.now:
            if mine.before and theirs.last < mine.before[0]:
                return mine, [theirs.summed()]
            return Visits(theirs.now, _latest(theirs.started, mine.before, theirs.before)), []
        if theirs.started > mine.last + self._idle:
            return Visits(theirs.now, (mine.started, mine.last)), [mine.summed()]
        if mine.started > theirs.last + self._idle:
            return Visits(mine.now, _latest(mine.started, mine.before, (theirs.started, theirs.last))), [
                theirs.summed()
            ]
        now = tuple(_of_both(mine.now, theirs.now))
        return Visits(now, _latest(min(mine.started, theirs.started), mine.before, theirs.before)), []


def _of_both(mine: Sequence[Interaction], theirs: Sequence[Interaction]) -> Iterator[Interaction]:
    """Of an identifier that is in both, what says more."""
    for name in dict.fromkeys(each.subject for each in (*mine, *theirs)):
        yield from max(([each for each in some if each.subject == name] for some in (mine, theirs)), key=len)


def _latest(started: int, *several: tuple[int, int] | None) -> tuple[int, int] | None:
    return max((each for each in several if each is not None and each[1] < started), key=_end, default=None)


def _end(span: tuple[int, int]) -> int:
    return span[1]


async def said_again(store: CustomerStore, people: Sequence[str], said: Counter[str]) -> Counter[str]:
    """What may come twice of somebody with several identifiers, under one id: the timer of a visit, where it was set
    again since the visit was taken up again. No summary comes twice."""
    several = [name for name, each in (await store.read_all(people)).items() if each.identity != NOBODY]
    timers = tuple(f"{CLOCK}#{name}|{SESSION_TIMER}:" for name in several)
    return Counter({name: times - 1 for name, times in said.items() if name.startswith(timers)})


async def wrong(redis: Redis, shards: int, people: Sequence[str], definition: Definition) -> list[str]:
    """Each visit was summed up once, by whom it belonged to. One that was handed over on two ways has one id.
    Nothing is said where somebody has undone a link: tests/consumers/test_visits.py does; nor where one shard has lost
    what others have heard, so that its log does not tell the whole story."""
    logs = await _logs(redis, shards)
    between = [orjson.loads(each.body) for some in logs.values() for each in some if each.topic == "identities"]
    if any(each["kind"] == "judged" or _is_of_a_lost_time(each, logs) for each in between):
        return []
    everybody, found = Everybody(logs, definition), []
    for subject in people:
        said = (each for each in logs.get(subject, ()) if each.topic == "interactions" and each.id.startswith(SOURCE))
        told = sorted(_told(everybody.event(subject, each.body)) for each in said)
        if told != (summed := everybody[subject].visits):
            found.append(f"visits: {subject} has summed up {told} instead of {summed}")
    return found


async def unsaid(redis: Redis, shards: int) -> list[str]:
    """What was delivered and does not stand where it was said: a failover has taken it from there. There is nothing of
    this kind where all shards went back to the same moment."""
    said = {(each.id, each.body) for some in (await _logs(redis, shards, keys.transit)).values() for each in some}
    logs = await _logs(redis, shards)
    heard = (each for some in logs.values() for each in some if each.topic == "identities")
    return [f"delivered: {each.id}, which was not said" for each in heard if (each.id, each.body) not in said]


async def _logs(redis: Redis, shards: int, stream: Callable[[int], str] = keys.outbox) -> dict[str, list[Entry]]:
    """By subject."""
    logs: dict[str, list[Entry]] = {}
    for shard in range(shards):
        records: Any = await redis.xrange(stream(shard))
        for at, fields in records:
            entry = Entry(offset_of(at), fields[b"topic"].decode(), fields[b"id"].decode(), fields[b"body"])
            logs.setdefault(fields[b"subject"].decode(), []).append(entry)
    return logs


def _is_of_a_lost_time(said: dict[str, Any], logs: Mapping[str, Sequence[Entry]]) -> bool:
    """Whether an identifier said it of what a failover has taken from its log since."""
    return said["kind"] == "parts" and said["version"] not in {each.offset for each in logs.get(said["source"], ())}


def name_of(subject: str, started: int, ended: int) -> str:
    """The id of the summary of a visit that the identifier took part in itself."""
    return f"web@{started}-{ended}/{digest(subject)}"


def _told(event: Interaction) -> Told:
    assert event.type == SESSION_ENDED
    return at_ms(datetime.fromisoformat(event.data["started"])), event.at_ms, event.data["interactions"]
