"""Answers "what is the best thing to do for this customer now?".

    read      the customer, in one round trip
    fold      the interaction that just happened, if the request brings one
    decide    rules/decide.py
    commit    reservations in the ledger, the decision record, its codes and the log records, in one script

A commit that loses to another writer reads and decides again: caps are judged on what is really there.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from app.contention import retried
from app.ingestion import accepted, record_of
from app.policy import required
from app.responding import KnownCode
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter
from profiles import keys, ledger
from profiles.facts import Situation
from profiles.fields import checked
from profiles.fold import fold, not_after
from profiles.profile import Customer
from profiles.store import Commit, Committed, CustomerStore, NewKey, Record
from rules.answer import Origin, record
from rules.arbitration import Models
from rules.codes import ALPHABET
from rules.decide import decide
from schemas.base import at_ms
from schemas.decision import Decision, DecisionRecord, DecisionRequest, Facts
from schemas.interaction import Interaction, subject_of
from schemas.ledger import LedgerEntry


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, typed by the policy that will answer it."""

    subject: str
    channel: str
    placements: tuple[tuple[str, int], ...]
    context: dict[str, object]
    event: Interaction | None
    now_ms: int

    @staticmethod
    def from_request(request: DecisionRequest, policy: LivePolicy, now_ms: int) -> "Asked":
        """Raises BadFields."""
        subject = subject_of(request.customer, request.visitor)
        return Asked(
            subject=subject,
            channel=policy.definition.known_channel(request.channel),
            placements=tuple((each.placement, each.count) for each in request.placements),
            context=checked(request.context, policy.definition.context, "`context`"),
            event=_event(request, subject, policy, now_ms),
            now_ms=now_ms,
        )

    def facts(self, customer: Customer, policy: LivePolicy) -> Facts:
        before = profile = customer.profile
        if self.event is not None:
            profile = fold(before, not_after(self.now_ms, self.event), policy.definition)
        situation = Situation(self.subject, profile, self.channel, self.now_ms, self.event, self.context, before)
        values = policy.facts.read(situation)
        seen = ledger.within(customer.ledger, policy.ruleset.lookback_ms, self.now_ms)
        return Facts(self.subject, self.channel, self.placements, values, seen)


def _event(request: DecisionRequest, subject: str, policy: LivePolicy, now_ms: int) -> Interaction | None:
    given = request.interaction
    if given is None:
        return None
    happened_ms = at_ms(given.time) if given.time else now_ms
    event = Interaction(given.id, given.source, given.type, subject, request.channel, happened_ms, given.data)
    return accepted(event, policy, now_ms)


class Decisioning:
    """`keep_ms`: how long decision records stay in the store."""

    def __init__(
        self, store: CustomerStore, policies: PolicySource, models: Models, meter: Meter, keep_ms: int
    ) -> None:
        self._keep_ms = keep_ms
        self._store = store
        self._policies = policies
        self._models = models
        self._meter = meter

    async def decide(self, request: DecisionRequest, now: datetime) -> DecisionRecord:
        """Raises NoPolicy, BadFields, StoreUnavailable and TooMuchContention.

        A request with an id that was answered before gets that answer again.
        """
        policy = required(self._policies)
        asked = Asked.from_request(request, policy, at_ms(now))
        origin = self._origin(asked, policy, request.id)
        known = await self.record(origin.decision) if request.id else None
        if known is not None:
            return known
        return await retried(lambda number: self._attempt(asked, policy, replace(origin, salt=number)))

    async def _attempt(self, asked: Asked, policy: LivePolicy, origin: Origin) -> DecisionRecord | None:
        """The decision, committed; None if somebody else changed the customer, or a code is in use."""
        customer = await self._store.read(asked.subject)
        facts = asked.facts(customer, policy)
        judgement = decide(facts, policy.ruleset, self._models, origin.at_ms, origin.seed)
        decided = record(judgement, facts, origin)
        result = await self._store.commit(self._commit_of(decided, customer, asked, policy))
        if result is Committed.OK:
            self._count(decided)
            return decided
        return await self.record(origin.decision) if result is Committed.DONE else None

    async def record(self, decision_id: str) -> DecisionRecord | None:
        shard, _, rest = decision_id.partition("-")
        if not (rest and shard.isdecimal() and int(shard) < self._store.shards):
            return None
        found = await self._store.value(keys.decision(int(shard), decision_id))
        return None if found is None else DecisionRecord.model_validate_json(found)

    def _origin(self, asked: Asked, policy: LivePolicy, request_id: str | None) -> Origin:
        shard = self._store.shard(asked.subject)
        return Origin(
            decision=decision_id(shard, asked, request_id),
            at_ms=asked.now_ms,
            shard=shard,
            seed=secrets.randbits(53),
            salt=0,
            revision=policy.revision,
            model=self._models.version,
        )

    def _commit_of(self, decided: DecisionRecord, customer: Customer, asked: Asked, policy: LivePolicy) -> Commit:
        """All that a decision changes. One that chose nothing leaves the customer as it is, and still requires that
        nobody else has changed it: the record must not bring back what was erased meanwhile."""
        definition, shard = policy.definition, self._store.shard(asked.subject)
        entries = ledger.entries_of(decided, asked.now_ms, definition)
        body = decided.model_dump_json(exclude_none=True).encode()
        said = [Record("decisions", decided.decision, asked.subject, body)]
        if asked.event is not None:
            said.insert(0, record_of(asked.event))
        return Commit(
            subject=asked.subject,
            expected=customer.version,
            ledger=ledger.reserved(customer.ledger, entries, asked.now_ms, definition) if entries else None,
            records=said,
            new_keys=[
                NewKey(keys.decision(shard, decided.decision), body, self._keep_ms),
                *(
                    NewKey(keys.code(shard, each.code), _known(each, asked.subject), definition.remember_ms)
                    for each in entries
                    if not each.withheld
                ),
            ],
        )

    def _count(self, decided: Decision) -> None:
        self._meter.count("decisions", channel=decided.channel)
        self._meter.count("treatments", len(decided.treatments))
        for reason, amount in Counter(each.reason for each in decided.left_out).items():
            self._meter.count("left_out", amount, reason=reason)


def decision_id(shard: int, asked: Asked, request_id: str | None) -> str:
    """Shard, and 105 bits: time and chance, or a hash of the caller's own id."""
    if request_id is None:
        number = (asked.now_ms << 60) | secrets.randbits(60)
    else:
        digest = blake2b(f"{asked.subject}|{request_id}".encode(), digest_size=13).digest()
        number = int.from_bytes(digest)
    return f"{shard:04d}-" + "".join(ALPHABET[(number >> (5 * at)) & 31] for at in reversed(range(21)))


def _known(entry: LedgerEntry, subject: str) -> bytes:
    return KnownCode(entry.decision, subject, entry.offer, entry.at_ms).dumps()
