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

import orjson

from app.ingestion import accepted, record_of
from app.policy import required
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter
from profiles import keys, ledger
from profiles.errors import TooMuchContention
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

MOST_ATTEMPTS = 100


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
            channel=request.channel,
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
        known = ledger.tidied(customer.ledger, self.now_ms, policy.definition)
        return Facts(self.subject, self.channel, self.placements, values, known)


def _event(request: DecisionRequest, subject: str, policy: LivePolicy, now_ms: int) -> Interaction | None:
    given = request.interaction
    if given is None:
        return None
    happened_ms = at_ms(given.time) if given.time else now_ms
    event = Interaction(given.id, given.source, given.type, subject, request.channel, happened_ms, given.data)
    return accepted(event, policy.definition, now_ms)


class Decisioning:
    def __init__(self, store: CustomerStore, policies: PolicySource, models: Models, meter: Meter) -> None:
        self._store = store
        self._policies = policies
        self._models = models
        self._meter = meter

    async def decide(self, request: DecisionRequest, now: datetime) -> DecisionRecord:
        """Raises NoPolicy, BadFields, StoreUnavailable and TooMuchContention."""
        policy = required(self._policies)
        asked = Asked.from_request(request, policy, at_ms(now))
        origin = self._origin(asked, policy)
        for _ in range(MOST_ATTEMPTS):
            customer = await self._store.read(asked.subject)
            facts = asked.facts(customer, policy)
            judgement = decide(facts, policy.ruleset, self._models, origin.at_ms, origin.seed)
            decided = record(judgement, facts, origin)
            result = await self._store.commit(commit_of(decided, customer, asked, origin, policy))
            if result in (Committed.OK, Committed.DONE):
                self._count(decided)
                return decided
            if result is Committed.TAKEN:
                origin = replace(origin, salt=origin.salt + 1)
        raise TooMuchContention("too many decisions for one customer at the same time")

    async def record(self, decision_id: str) -> DecisionRecord | None:
        shard, _, rest = decision_id.partition("-")
        if not (rest and shard.isdecimal() and int(shard) < self._store.shards):
            return None
        found = await self._store.value(keys.decision(int(shard), decision_id))
        return None if found is None else DecisionRecord.model_validate_json(found)

    def _origin(self, asked: Asked, policy: LivePolicy) -> Origin:
        shard = self._store.shard(asked.subject)
        return Origin(
            decision=new_decision_id(shard, asked.now_ms),
            at_ms=asked.now_ms,
            shard=shard,
            seed=secrets.randbits(53),
            salt=0,
            revision=policy.revision,
            model=self._models.version,
        )

    def _count(self, decided: Decision) -> None:
        self._meter.count("decisions", channel=decided.channel)
        self._meter.count("treatments", len(decided.treatments))
        for reason, amount in Counter(each.reason for each in decided.left_out).items():
            self._meter.count("left_out", amount, reason=reason)


def new_decision_id(shard: int, now_ms: int) -> str:
    """Shard, time and 60 random bits; sorts by time within a shard."""
    number = (now_ms << 60) | secrets.randbits(60)
    return f"{shard:04d}-" + "".join(ALPHABET[(number >> (5 * at)) & 31] for at in reversed(range(21)))


def commit_of(decided: DecisionRecord, customer: Customer, asked: Asked, origin: Origin, policy: LivePolicy) -> Commit:
    """All that a decision changes. One that chose nothing leaves the customer as it is."""
    entries = ledger.entries_of(decided, origin.at_ms, policy.definition)
    body = decided.model_dump_json(exclude_none=True).encode()
    said = [Record("decisions", decided.decision, asked.subject, body)]
    if asked.event is not None:
        said.insert(0, record_of(asked.event))
    ttl_ms = policy.definition.remember_ms
    return Commit(
        subject=asked.subject,
        expected=customer.version if entries else None,
        ledger=ledger.reserved(customer.ledger, entries, origin.at_ms, policy.definition) if entries else None,
        records=said,
        new_keys=[
            NewKey(keys.decision(origin.shard, decided.decision), body, ttl_ms),
            *(NewKey(keys.code(origin.shard, e.code), _code_value(e, asked.subject), ttl_ms) for e in entries),
        ],
    )


def _code_value(entry: LedgerEntry, subject: str) -> bytes:
    return orjson.dumps({"decision": entry.decision, "subject": subject, "offer": entry.offer})
