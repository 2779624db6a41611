"""Answers "what is the best thing to do for this customer now?".

    read      the customer with all that belongs to them, as a rule in one round trip
    tell      whom the request names for the first time, whose they are (one more)
    fold      the interaction that just happened, if the request brings one
    decide    rules/decide.py; where an offer falls because its shard is out of stock, again after some was drawn
    commit    reservations in the ledger, the decision record, its codes and the log records, in one script

A commit that loses to another writer reads and decides again: caps are judged on what is really there.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from app.asked import Asked as Asked
from app.committing import commit_of, said_of
from app.contention import retried
from app.policy import required
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter, count_decision
from profiles import keys
from profiles.decided import Kept
from profiles.people import People, Person
from profiles.shelf import lefts
from profiles.stocks import Need
from profiles.store import Commit, Committed, CustomerStore, Record
from rules.answer import Answered, Origin, Recorded, Reply, answered
from rules.arbitration import Models
from rules.decide import decide
from rules.wanting import wanted
from schemas.base import at_ms
from schemas.decision import DecisionRecord, DecisionRequest, Degraded, Facts, Question

ID_BITS, SEED_BITS = 60, 53
"""What is drawn for each decision; JSON keeps integers of 53 bits as they are."""
MOST_DRAWN = 4
"""How often one attempt decides: what it may choose several of can be short again after some was drawn."""


@dataclass(slots=True)
class Progress:
    """How far a decision has come, for whoever waits for it no longer than until a deadline."""

    doing: Degraded = "profile"
    is_abandoned: bool = False
    """Nobody waits any more: what is not committed yet is not to be."""

    def goes_on(self, doing: Degraded) -> None:
        """Raises Abandoned."""
        if self.is_abandoned:
            raise Abandoned
        self.doing = doing


class Abandoned(Exception):  # noqa: N818
    """Nobody waits for this decision any more."""


class Decisioning:
    """`keep_ms`: how long decision records stay in the store."""

    def __init__(
        self, store: CustomerStore, policies: PolicySource, models: Models, meter: Meter, keep_ms: int
    ) -> None:
        self._keep_ms = keep_ms
        self._store = store
        self._people = People(store)
        self._policies = policies
        self._models = models
        self._meter = meter

    async def decide(self, request: DecisionRequest | Question, now: datetime) -> DecisionRecord:
        """Raises NoPolicy, BadFields, StoreUnavailable and TooMuchContention.

        A request with an id that was answered before gets that answer again.
        """
        policy = required(self._policies)
        return (await self.decide_asked(Asked.from_request(request, policy, at_ms(now)), policy)).document

    async def decide_asked(self, asked: Asked, policy: LivePolicy, progress: Progress | None = None) -> Reply:
        """Raises StoreUnavailable, TooMuchContention, and Abandoned where the progress is."""
        known = progress or Progress()
        if policy.shelf is not None:
            await self._store.stocks.adopt(policy.shelf)
        return await retried(lambda number: self._attempt(asked, policy, number, known))

    async def _attempt(self, asked: Asked, policy: LivePolicy, number: int, progress: Progress) -> Reply | None:
        """The decision, committed; None if somebody else changed the customer, a code is in use, or there is less left
        than there was."""
        progress.goes_on("contention" if number else "profile")
        person = await self._people.read(asked.identifiers, policy.definition, policy.shelf)
        known = await self._answered_before(asked, person)
        if known is not None:
            for subject in {person.subject, person.named.subject}:
                await self._store.confirm(subject)
            return known
        progress.goes_on("contention" if number else "commit")
        if not await self._people.tell(person, asked.named_ms):
            return None
        origin = self._origin(asked, person, policy, number)
        decided = await self._decided(asked.facts(person, policy, lefts(person.stock)), origin, policy)
        said = said_of(decided, asked, person, policy)
        progress.goes_on(progress.doing)
        if not await self._say_of_others(said, person):
            return None
        kept = Kept(origin.shard, self._keep_ms, policy.definition)
        result = await self._store.commit(commit_of(decided, said, person, asked, policy, kept))
        if result is Committed.OK:
            count_decision(self._meter, decided)
            return decided
        return await self._recorded(origin.decision) if result is Committed.DONE else None

    async def _decided(self, facts: Facts, origin: Origin, policy: LivePolicy) -> Answered:
        slots = sum(count for _, count in facts.placements)
        for drawn in range(MOST_DRAWN + 1):
            judgement = decide(facts, policy.ruleset, self._models, origin.at_ms, origin.seed)
            needed = wanted(judgement, facts.stock, slots) if policy.shelf is not None else {}
            if not needed or policy.shelf is None or drawn == MOST_DRAWN:
                break
            needs = {name: Need(*each) for name, each in needed.items()}
            if not await self._store.stocks.draw(origin.shard, needs, policy.shelf):
                break
            facts = replace(facts, stock=lefts(await self._store.stocks.read(origin.shard, policy.shelf)))
        return answered(judgement, facts, origin)

    async def record(self, decision_id: str) -> DecisionRecord | None:
        found = await self._recorded(decision_id)
        return None if found is None else found.document

    async def _recorded(self, decision_id: str) -> Recorded | None:
        shard, _, rest = decision_id.partition("-")
        if not (rest and shard.isdecimal() and int(shard) < self._store.shards):
            return None
        found = await self._store.value(keys.decision(int(shard), decision_id))
        return None if found is None else Recorded(found)

    async def _answered_before(self, asked: Asked, person: Person) -> Recorded | None:
        """The answer to an earlier request with this id, also if it was made before a merge."""
        if asked.request_id is None:
            return None
        for shard in {self._store.shard(each) for each in (person.subject, person.named.subject)}:
            known = await self._recorded(asked.decision_id(shard, 0))
            if known is not None:
                return known
        return None

    def _origin(self, asked: Asked, person: Person, policy: LivePolicy, number: int) -> Origin:
        shard, drawn = self._store.shard(person.subject), secrets.randbits(ID_BITS + SEED_BITS)
        return Origin(
            decision=asked.decision_id(shard, drawn >> SEED_BITS),
            at_ms=asked.now_ms,
            shard=shard,
            seed=drawn & ((1 << SEED_BITS) - 1),
            salt=number,
            revision=policy.revision,
            model=self._models.version,
        )

    async def _say_of_others(self, said: Iterable[Record], person: Person) -> bool:
        """What is said of whoever was asked for, where that is not the customer, and whom it has claimed. False if it
        has changed meanwhile."""
        elsewhere = [each for each in said if each.subject != person.subject]
        links = person.links()
        if links is None or person.named.subject == person.subject:
            if elsewhere:
                await self._store.append(elsewhere)
            return True
        commit = Commit(person.named.subject, person.named.version, records=elsewhere, links=links)
        return await self._store.commit(commit) is Committed.OK
