"""Takes responses in: the code is checked and found, the outcome goes into the ledger and the log, in one commit.

The ledger has it at once, so that the next decision knows; what it counts for is the profile worker's fold of the
log. Repeating an outcome changes nothing in either.
"""

from datetime import datetime

from app.contention import retried
from app.errors import BadResponseCode, Invalid, UnknownOutcome, UnknownResponseCode
from app.policy import required
from consumers.answers import NoSuchOutcome, answer_of, known_codes, record_of
from consumers.live import LivePolicy, PolicySource
from consumers.meter import Meter
from profiles import holds, ledger
from profiles.decided import KnownCode
from profiles.definition import Definition
from profiles.errors import BadFields
from profiles.ledger import decided_in
from profiles.people import People
from profiles.store import Commit, Committed, CustomerStore
from rules import codes
from rules.cell_codes import read_code
from schemas.base import at_ms
from schemas.identity import CUSTOMER
from schemas.response import ResponseReceipt, ResponseRecord, ResponseRequest, SentBack


class Responding:
    def __init__(self, store: CustomerStore, policies: PolicySource, meter: Meter) -> None:
        self._store = store
        self._people = People(store)
        self._policies = policies
        self._meter = meter

    async def respond(self, request: ResponseRequest | SentBack, now: datetime) -> ResponseReceipt:
        """Raises BadResponseCode, UnknownResponseCode, UnknownOutcome, Invalid, NoPolicy and store errors."""
        policy = required(self._policies)
        code = await self._code(request, policy, at_ms(now))
        known = await self._find(code)
        said = answer(request, code, known, policy.definition, at_ms(now))
        result = await retried(lambda _: self._commit(known.subject, said, policy.definition))
        self._meter.count("responses", outcome=request.outcome)
        return ResponseReceipt(
            code=code,
            decision=known.decision,
            offer=known.offer,
            outcome=request.outcome,
            repeated=result is Committed.DONE,
        )

    async def _code(self, request: ResponseRequest | SentBack, policy: LivePolicy, now_ms: int) -> str:
        if request.customer is not None:
            return await self._sent_to(request, policy, now_ms)
        if read_code(request.code) in policy.ruleset.cell_codes:
            hint = "Give the `customer` with it, who was sent it."
            raise BadResponseCode(f"{request.code} is the printed code of a cell, which many have.", hint=hint)
        return parsed(request.code)

    async def _sent_to(self, request: ResponseRequest | SentBack, policy: LivePolicy, now_ms: int) -> str:
        """The response code that the printed code of a cell stands for, with this customer."""
        cell = policy.ruleset.cell_codes.get(read_code(request.code))
        if cell is None:
            hint = "Leave `customer` out with the response code of a decision; cells have theirs in the policy."
            raise UnknownResponseCode(f"No cell of the live policy has the code {request.code}.", hint=hint)
        person = await self._people.read([f"{CUSTOMER}:{request.customer}"], policy.definition)
        entry = decided_in(person.ledger(), cell, at_ms(request.time) if request.time else now_ms)
        if entry is None:
            told = f"Nothing was decided for {request.customer} in the cell {'/'.join(cell)} until then."
            raise UnknownResponseCode(told, hint="Decide for whom something is sent, and send it with the cell's code.")
        return entry.code

    async def _find(self, code: str) -> KnownCode:
        found = (await known_codes(self._store, {code})).get(code)
        if found is None:
            raise UnknownResponseCode(f"No decision here made the code {codes.shown(code)}, or it is forgotten.")
        return found

    async def _commit(self, subject: str, said: ResponseRecord, definition: Definition) -> Committed | None:
        """None if somebody else changed the customer meanwhile, DONE for a repeated response."""
        customer = await self._store.read(subject)
        try:
            answered = ledger.answered(customer.ledger, said)
        except ledger.UnknownCode as cause:
            raise UnknownResponseCode from cause
        if answered is customer.ledger and not ledger.awaits_amount(answered, said):
            await self._store.confirm(subject)
            return Committed.DONE
        moves = holds.answered(customer.ledger, answered, [said.code], definition)
        commit = Commit(subject, customer.version, ledger=answered, records=[record_of(said, subject)], moves=moves)
        result = await self._store.commit(commit)
        return None if result is Committed.CONFLICT else result


def parsed(code: str) -> str:
    try:
        return codes.parse(code)
    except codes.BadCode as wrong:
        raise BadResponseCode(f"{wrong}.") from wrong


def answer(
    request: ResponseRequest | SentBack, code: str, known: KnownCode, definition: Definition, now_ms: int
) -> ResponseRecord:
    try:
        return answer_of(request, code, known, definition, now_ms)
    except NoSuchOutcome as cause:
        raise UnknownOutcome(cause.reason, hint=cause.hint) from cause
    except BadFields as cause:
        raise Invalid(cause.reason, hint=cause.hint) from cause
