"""Takes responses in: the code is checked and found, the outcome goes into the ledger and the log, in one commit.

The ledger has it at once, so that the next decision knows; what it counts for is the profile worker's fold of the
log. Repeating an outcome changes nothing in either.
"""

from datetime import datetime
from decimal import Decimal

import orjson

from app.contention import retried
from app.errors import BadResponseCode, Invalid, UnknownOutcome, UnknownResponseCode
from app.ingestion import FURTHEST_FUTURE_MS
from app.policy import required
from consumers.live import PolicySource
from consumers.meter import Meter
from profiles import keys, ledger
from profiles.decided import KnownCode
from profiles.definition import Definition
from profiles.fields import nearest
from profiles.store import Commit, Committed, CustomerStore, Record
from rules import codes
from schemas.base import at_ms
from schemas.response import ResponseReceipt, ResponseRecord, ResponseRequest
from schemas.scorecard import AMOUNT_SCALE


class Responding:
    def __init__(self, store: CustomerStore, policies: PolicySource, meter: Meter) -> None:
        self._store = store
        self._policies = policies
        self._meter = meter

    async def respond(self, request: ResponseRequest, now: datetime) -> ResponseReceipt:
        """Raises BadResponseCode, UnknownResponseCode, UnknownOutcome, Invalid, NoPolicy and store errors."""
        code = parsed(request.code)
        known = await self._find(code)
        said = record_of(request, code, known, required(self._policies).definition, at_ms(now))
        result = await retried(lambda _: self._commit(known.subject, said))
        self._meter.count("responses", outcome=request.outcome)
        return ResponseReceipt(
            code=code,
            decision=known.decision,
            offer=known.offer,
            outcome=request.outcome,
            repeated=result is Committed.DONE,
        )

    async def _find(self, code: str) -> KnownCode:
        shard = codes.shard_of(code)
        found = await self._store.value(keys.code(shard, code)) if shard < self._store.shards else None
        if found is None:
            raise UnknownResponseCode(f"No decision here made the code {codes.shown(code)}, or it is forgotten.")
        return KnownCode(**orjson.loads(found))

    async def _commit(self, subject: str, said: ResponseRecord) -> Committed | None:
        """None if somebody else changed the customer meanwhile, DONE for a repeated response."""
        customer = await self._store.read(subject)
        try:
            answered = ledger.answered(customer.ledger, said)
        except ledger.UnknownCode as cause:
            raise UnknownResponseCode from cause
        if answered is customer.ledger and not ledger.awaits_amount(answered, said):
            await self._store.confirm(subject)
            return Committed.DONE
        record = Record("responses", f"{said.code}/{said.outcome}", subject, orjson.dumps(said.model_dump()))
        commit = Commit(subject, customer.version, ledger=answered, records=[record])
        result = await self._store.commit(commit)
        return None if result is Committed.CONFLICT else result


def parsed(code: str) -> str:
    try:
        return codes.parse(code)
    except codes.BadCode as wrong:
        raise BadResponseCode(f"{wrong}.") from wrong


def record_of(
    request: ResponseRequest, code: str, known: KnownCode, definition: Definition, now_ms: int
) -> ResponseRecord:
    outcomes = definition.outcomes
    if request.outcome not in outcomes:
        declared = f"The live policy declares {', '.join(outcomes)}, not `{request.outcome}`."
        raise UnknownOutcome(declared, hint=nearest(request.outcome, outcomes))
    happened_ms = at_ms(request.time) if request.time else now_ms
    if not known.at_ms - FURTHEST_FUTURE_MS <= happened_ms <= now_ms + FURTHEST_FUTURE_MS:
        raise Invalid("`time` lies before the decision or in the future.", hint="check the clock of the touchpoint")
    return ResponseRecord(
        code=code,
        decision=known.decision,
        outcome=request.outcome,
        outcomes=ledger.implied(request.outcome, outcomes),
        at_ms=happened_ms,
        amount=int((request.amount or Decimal(0)) * AMOUNT_SCALE),
    )
