"""Why a decision came out as it did: read back, opened again by its own policy revision and model, and told.

Only the record is looked at, never what is known of the customer now. It is done in a thread: a hundred candidates take
some 25 ms, for which no decision is to wait.
"""

import asyncio

from pydantic import ValidationError

from app.errors import NotFound, NotKept
from app.past import PastPolicies
from profiles import keys
from profiles.store import CustomerStore
from rules.arbitration import Models
from rules.explaining import Case, full, opened, spoken
from rules.policy.findings import nearest
from schemas.decision import DecisionRecord
from schemas.explanation import AgentExplanation, FullExplanation

FORGOTTEN = "Records are kept for OPPORTUNE_DECISION_KEEP, and until the customer is erased; check the id."


class Records:
    """The decision records in the store."""

    def __init__(self, store: CustomerStore) -> None:
        self._store = store

    async def read(self, decision: str) -> DecisionRecord:
        """Raises NotFound, NotKept and StoreUnavailable."""
        shard, _, rest = decision.partition("-")
        is_one = bool(rest) and shard.isascii() and shard.isdecimal() and int(shard) < self._store.shards
        found = await self._store.value(keys.decision(int(shard), decision)) if is_one else None
        if found is None:
            raise NotFound(f"There is no decision {decision[:60]}, or it is forgotten by now.", hint=FORGOTTEN)
        return read(decision, found)


def read(decision: str, body: bytes) -> DecisionRecord:
    """Raises NotKept."""
    try:
        return DecisionRecord.model_validate_json(body)
    except ValidationError as cause:
        raise NotKept(f"The record of {decision[:60]} is none that this version of Opportune can read.") from cause


class Explaining:
    def __init__(self, store: CustomerStore, past: PastPolicies, models: Models) -> None:
        self._records = Records(store)
        self._past = past
        self._models = models

    async def full(self, decision: str, offer: str | None = None) -> FullExplanation:
        """Raises NotFound, NotKept and StoreUnavailable."""
        case = await self._case(decision, offer)
        return await asyncio.to_thread(full, case, self._models, offer)

    async def for_agent(self, decision: str, offer: str | None = None) -> AgentExplanation:
        """Raises NotFound, NotKept and StoreUnavailable."""
        case = await self._case(decision, offer)
        return await asyncio.to_thread(spoken, case, offer)

    async def _case(self, decision: str, offer: str | None) -> Case:
        recorded = await self._records.read(decision)
        ruleset, models = await self._past.ruleset(recorded.policy), known_model(self._models, recorded)
        case = await asyncio.to_thread(opened, recorded, ruleset, models)
        offers = [each.id for each in case.ruleset.policy.offers]
        if offer is not None and offer not in offers:
            hint = nearest(offer, offers) or "`view=full` lists every offer there is."
            raise NotFound(f"The policy that decided has no offer {offer[:60]}.", hint=hint)
        return case


def known_model(models: Models, recorded: DecisionRecord) -> Models:
    """Raises NotKept if the record names another version."""
    if recorded.model != models.version:
        raise NotKept(f"The model {recorded.model[:60]} that decided is not kept here.")
    return models
