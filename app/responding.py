"""Takes responses in: the code is checked and found, the outcome goes to the log of its customer.

What an outcome does to ledger and scorecard is the profile worker's fold; repeating one changes nothing there.
"""

from datetime import datetime

import orjson

from app.errors import BadResponseCode, UnknownOutcome, UnknownResponseCode
from app.policy import required
from consumers.live import PolicySource
from consumers.meter import Meter
from profiles import keys
from profiles.fields import nearest
from profiles.store import CustomerStore, Record
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
        """Raises BadResponseCode, UnknownResponseCode, UnknownOutcome, NoPolicy and StoreUnavailable."""
        policy = required(self._policies)
        outcomes = policy.definition.outcomes
        if request.outcome not in outcomes:
            declared = f"The live policy declares {', '.join(outcomes)}, not `{request.outcome}`."
            raise UnknownOutcome(declared, hint=nearest(request.outcome, outcomes))
        try:
            code = codes.parse(request.code)
        except codes.BadCode as wrong:
            raise BadResponseCode(f"{wrong}.") from wrong
        shard = codes.shard_of(code)
        found = await self._store.value(keys.code(shard, code)) if shard < self._store.shards else None
        if found is None:
            raise UnknownResponseCode(f"No decision here made the code {codes.shown(code)}, or it is forgotten.")
        known = orjson.loads(found)
        said = ResponseRecord(
            code=code,
            decision=known["decision"],
            outcome=request.outcome,
            at_ms=at_ms(request.time or now),
            amount=int((request.amount or 0) * AMOUNT_SCALE),
        )
        body = orjson.dumps(said.model_dump())
        await self._store.append([Record("responses", f"{code}/{request.outcome}", known["subject"], body)])
        self._meter.count("responses", outcome=request.outcome)
        return ResponseReceipt(code=code, decision=known["decision"], offer=known["offer"], outcome=request.outcome)
