"""Answers "what is the best thing to do for this customer now?".

    read      the customer with all that belongs to them, as a rule in one round trip
    tell      whom the request names for the first time, whose they are (one more)
    fold      the interaction that just happened, if the request brings one
    decide    rules/decide.py; where an offer falls because its shard is out of stock, again after some was drawn
    commit    reservations in the ledger, the decision record, its codes and the log records, in one script

A commit that loses to another writer reads and decides again: caps are judged on what is really there.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import datetime

from msgspec.structs import replace

from app.contention import retried
from app.policy import required
from consumers.accepting import accepted, record_of
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter, count_decision
from profiles import keys, ledger
from profiles.decided import Kept, keys_of
from profiles.errors import BadFields
from profiles.facts import Situation
from profiles.fields import checked, nearest
from profiles.fold import fold, not_after
from profiles.holds import held
from profiles.linking import Links
from profiles.people import People, Person
from profiles.shelf import lefts
from profiles.stocks import Need
from profiles.store import Commit, Committed, CustomerStore, Record
from rules import codes
from rules.answer import Answered, Origin, Recorded, Reply, answered
from rules.arbitration import Models
from rules.decide import decide
from rules.wanting import wanted
from schemas.base import at_ms
from schemas.decision import DecisionRecord, DecisionRequest, Degraded, Facts, Question
from schemas.interaction import IDENTIFY, Interaction

SOURCE = "opportune/decisions"
MOST_DRAWN = 4
"""How often one attempt decides: what it may choose several of can be short again after some was drawn."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, typed by the policy that will answer it."""

    identifiers: tuple[str, ...]
    """Strongest first."""
    channel: str
    placements: tuple[tuple[str, int], ...]
    context: dict[str, object]
    event: Interaction | None
    now_ms: int
    request_id: str | None

    @staticmethod
    def from_request(request: DecisionRequest | Question, policy: LivePolicy, now_ms: int) -> "Asked":
        """Raises BadFields."""
        identifiers = _identifiers(request, policy)
        return Asked(
            identifiers=identifiers,
            channel=policy.definition.known_channel(request.channel),
            placements=tuple((each.placement, each.count) for each in request.placements),
            context=checked(request.context, policy.definition.context, "`context`"),
            event=_event(request, identifiers, policy, now_ms),
            now_ms=now_ms,
            request_id=request.id,
        )

    @property
    def named_ms(self) -> int:
        """When its identifiers were named together."""
        return self.now_ms if self.event is None else min(self.event.at_ms, self.now_ms)

    def facts(self, person: Person, policy: LivePolicy, stock: Mapping[str, int]) -> Facts:
        before = profile = person.profile(policy.definition)
        if self.event is not None:
            folded = fold(person.named.profile, not_after(self.now_ms, self.event), policy.definition)
            profile = person.profile(policy.definition, {person.named.subject: folded})
        situation = Situation(person.subject, profile, self.channel, self.now_ms, self.event, self.context, before)
        values = policy.facts.read(situation)
        seen = ledger.within(person.ledger(), policy.ruleset.lookback_ms, self.now_ms)
        return Facts(person.subject, self.channel, self.placements, values, seen, stock=stock)


def _identifiers(request: DecisionRequest | Question, policy: LivePolicy) -> tuple[str, ...]:
    kinds = policy.definition.identifiers
    for kind in request.identifiers:
        if kind not in kinds:
            hint = nearest(kind, dict.fromkeys(kinds)) or f"it knows {', '.join(kinds)}"
            raise BadFields(f"the policy knows no identifier `{kind}`", hint)
    try:
        return tuple(request.named(kinds))
    except ValueError as cause:
        raise BadFields(str(cause)) from cause


def _event(
    request: DecisionRequest | Question, identifiers: tuple[str, ...], policy: LivePolicy, now_ms: int
) -> Interaction | None:
    given, (subject, *links) = request.interaction, identifiers
    if given is None:
        return None
    happened_ms = at_ms(given.time) if given.time else now_ms
    event = Interaction(given.id, given.source, given.type, subject, request.channel, happened_ms, given.data)
    return accepted(replace(event, links=tuple(links)), policy, now_ms)


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
        said = self._said(decided, asked, person, policy)
        progress.goes_on(progress.doing)
        if not await self._say_of_others(said, person):
            return None
        result = await self._store.commit(self._commit_of(decided, said, person, asked, policy))
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
            facts = replaced(facts, stock=lefts(await self._store.stocks.read(origin.shard, policy.shelf)))
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
            known = await self._recorded(decision_id(shard, asked))
            if known is not None:
                return known
        return None

    def _origin(self, asked: Asked, person: Person, policy: LivePolicy, number: int) -> Origin:
        shard = self._store.shard(person.subject)
        return Origin(
            decision=decision_id(shard, asked),
            at_ms=asked.now_ms,
            shard=shard,
            seed=secrets.randbits(53),
            salt=number,
            revision=policy.revision,
            model=self._models.version,
        )

    def _said(self, decided: Answered, asked: Asked, person: Person, policy: LivePolicy) -> list[Record]:
        """The decision, after what just happened. An event of somebody who belongs to the customer stands in a log of
        its own, which may be in another shard: it is appended first, as one that was accepted by itself would be."""
        said = [Record("decisions", decided.decision, person.subject, decided.record)]
        event = asked.event
        if event is None and not person.named.identity.sources.keys() >= set(asked.identifiers[1:]):
            event = _introduction(decided, asked, policy)
        return said if event is None else [record_of(event), *said]

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

    def _commit_of(
        self, decided: Answered, said: list[Record], person: Person, asked: Asked, policy: LivePolicy
    ) -> Commit:
        """All that a decision changes. One that chose nothing leaves the customer as it is, and still requires that
        nobody else has changed it: the record must not bring back what was erased meanwhile."""
        definition, shard, customer = policy.definition, self._store.shard(person.subject), person.top
        links = person.links()
        if links is not None and person.named is not customer:
            links = (
                Links()
            )  # they stand elsewhere: what was decided for the customer without them is to be decided again
        entries = ledger.entries_of(decided, asked.now_ms, definition)
        kept = Kept(shard, self._keep_ms, definition)
        return Commit(
            subject=person.subject,
            expected=customer.version,
            ledger=ledger.reserved(customer.ledger, entries, asked.now_ms, definition) if entries else None,
            records=[each for each in said if each.subject == person.subject],
            new_keys=keys_of(entries, decided.decision, decided.record, person.subject, kept),
            links=links,
            moves=held(entries),
        )


def _introduction(decided: Answered, asked: Asked, policy: LivePolicy) -> Interaction:
    """Says that the identifiers of a request are one person's, where it brings no event that would."""
    subject, *links = asked.identifiers
    event = Interaction(decided.decision, SOURCE, IDENTIFY, subject, asked.channel, asked.now_ms, {})
    return replace(event, links=tuple(links), policy=policy.revision)


def decision_id(shard: int, asked: Asked) -> str:
    """Of time and chance, or a hash of the caller's own id."""
    if asked.request_id is None:
        return codes.decision_id(shard, (asked.now_ms << 60) | secrets.randbits(60))
    return codes.decision_id(shard, codes.hashed(asked.identifiers[0], asked.request_id))
