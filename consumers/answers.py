"""What comes back for a response code, over HTTP or straight from Kafka, as it stands in the log."""

from decimal import Decimal

import orjson

from consumers.accepting import FURTHEST_FUTURE_MS
from profiles import keys, ledger
from profiles.decided import KnownCode
from profiles.definition import Definition
from profiles.errors import BadFields
from profiles.fields import nearest
from profiles.store import CustomerStore, Record
from rules import codes
from rules.cell_codes import CellPlace
from schemas.base import at_ms
from schemas.response import ResponseRecord, ResponseRequest, SentBack
from schemas.scorecard import AMOUNT_SCALE

CLOCK = "check the clock of the touchpoint"


class NoSuchOutcome(BadFields):
    pass


async def known_codes(store: CustomerStore, asked: set[str]) -> dict[str, KnownCode]:
    """What each of these parsed codes stands for, where any decision made it. Raises StoreUnavailable."""
    within = [code for code in asked if codes.shard_of(code) < store.shards]
    trip = store.scripts.reading()
    for code in within:
        trip.add("GET", keys.code(codes.shard_of(code), code))
    answers = zip(within, await trip.run(), strict=True)
    return {code: KnownCode(**orjson.loads(found)) for code, found in answers if found is not None}


def answer_of(
    request: ResponseRequest | SentBack, code: str, known: KnownCode, definition: Definition, received_ms: int
) -> ResponseRecord:
    """Raises NoSuchOutcome and BadFields."""
    said = _answer(request, definition, received_ms)
    if said.at_ms < known.at_ms - FURTHEST_FUTURE_MS:
        raise BadFields("`time` lies before the decision.", CLOCK)
    return said.model_copy(update={"code": code, "decision": known.decision})


def answer_of_cell(
    request: ResponseRequest | SentBack, cell: CellPlace, definition: Definition, received_ms: int
) -> ResponseRecord:
    """Of somebody whose decision is still to be found. Raises NoSuchOutcome and BadFields."""
    return _answer(request, definition, received_ms).model_copy(update={"cell": cell})


def _answer(request: ResponseRequest | SentBack, definition: Definition, received_ms: int) -> ResponseRecord:
    outcomes = definition.outcomes
    if request.outcome not in outcomes:
        declared = f"The live policy declares {', '.join(outcomes)}, not `{request.outcome}`."
        raise NoSuchOutcome(declared, nearest(request.outcome, outcomes))
    happened_ms = at_ms(request.time) if request.time else received_ms
    if happened_ms > received_ms + FURTHEST_FUTURE_MS:
        raise BadFields("`time` lies in the future.", CLOCK)
    return ResponseRecord(
        code="",
        decision="",
        outcome=request.outcome,
        outcomes=ledger.implied(request.outcome, outcomes),
        at_ms=happened_ms,
        amount=int((request.amount or Decimal(0)) * AMOUNT_SCALE),
    )


def record_of(said: ResponseRecord, subject: str) -> Record:
    about = said.code if said.cell is None else f"{'/'.join(said.cell)}/{subject}/{said.at_ms}"
    return Record("responses", f"{about}/{said.outcome}", subject, orjson.dumps(said.model_dump(exclude_defaults=True)))
