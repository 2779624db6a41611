"""A record of the log as a row of the archive. Pure.

Every record becomes a row, with the very bytes that it had. What cannot be read has no other columns, and says why in
`unreadable`: it is the dead letters' to decide about it, and the archive's to have it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from consumers.dead_letters import InKafka
from consumers.kafka.messages import CONTENT_TYPE, SCHEMA
from rules import codes
from schemas.base import moment
from schemas.identity import CUSTOMER, VISITOR
from schemas.topics import STRUCTURED

Row = dict[str, Any]
Headers = Mapping[str, bytes | None]
CE = "ce_"
LARGEST_AMOUNT = 10**18
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Event(msgspec.Struct):
    """The attributes of a CloudEvent, and its data as it stands there."""

    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    visitor: str | None = None
    channel: str | None = None
    policy: str | None = None
    time: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Treatment(msgspec.Struct):
    code: str
    placement: str
    rank: Int32
    campaign: str
    program: str
    cell: str
    offer: str
    kind: str
    treatment: str
    score: float


class Withheld(msgspec.Struct):
    placement: str
    kind: str
    campaign: str
    program: str
    cell: str
    offer: str


class Decided(msgspec.Struct):
    decision: str
    at: datetime
    channel: str
    policy: str
    model: str
    candidates: Int32
    treatments: list[Treatment]
    withheld: list[Withheld] = []


class Responded(msgspec.Struct):
    code: str
    outcome: str
    decision: str | None = None
    at_ms: int | None = None
    time: datetime | None = None
    outcomes: dict[str, str] = {}
    amount: int | float | str = 0
    """In ten-thousandths where we wrote it, which is where there is an `at_ms`; else in units."""
    customer: str | None = None
    """Beside the printed code of a cell."""
    goal_event: str = ""
    share: int = 0


EVENT = msgspec.json.Decoder(Event)
DECIDED = msgspec.json.Decoder(Decided)
RESPONDED = msgspec.json.Decoder(Responded)


def row(entry: InKafka) -> Row:
    base = _of_the_log(entry)
    try:
        return {**base, **_columns(entry)}
    except (ValueError, ArithmeticError, RecursionError) as cause:  # msgspec's errors and those of text are ValueErrors
        return {**base, "unreadable": f"{type(cause).__name__}: {cause}"}


def _of_the_log(entry: InKafka) -> Row:
    text = _text(entry.value)
    return {
        "taken": entry.at_ms,
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "key": entry.key,
        "headers": [{"name": name, "value": value} for name, value in entry.headers],
        "value": text,
        "value_bytes": entry.value if text is None else None,
    }


def _text(value: bytes | None) -> str | None:
    """None where it is no text."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _columns(entry: InKafka) -> Row:
    if entry.value is None:
        raise ValueError("it has no value")
    headers = dict(entry.headers)
    event = _event(headers, entry.value)
    columns = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": _subject(entry.topic, event, entry.key),
        "time": _utc(event.time) if event.time else moment(entry.at_ms),
        "schema_version": _named(headers, SCHEMA),
    }
    match entry.topic:
        case "interactions":
            columns |= {"channel": event.channel, "policy": event.policy, "data": bytes(event.data).decode()}
        case "decisions":
            columns |= _decided(DECIDED.decode(event.data))
        case "responses":
            columns |= _responded(RESPONDED.decode(event.data))
    return columns


def _event(headers: Headers, value: bytes) -> Event:
    """In binary mode the attributes are in the headers, and the value is the data."""
    if (_named(headers, CONTENT_TYPE) or "").startswith(STRUCTURED) or f"{CE}id" not in headers:
        return EVENT.decode(value)
    named = {name.removeprefix(CE): _named(headers, name) for name in headers if name.startswith(CE)}
    event = msgspec.convert(named, Event, strict=False)
    event.data = msgspec.json.decode(value, type=msgspec.Raw)
    return event


def _named(headers: Headers, name: str) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode()


def _utc(at: datetime) -> datetime:
    """To the millisecond. Raises OverflowError at the ends of the calendar."""
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)


def _subject(topic: str, event: Event, key: bytes | None) -> str | None:
    """As the log names it, such as `customer:ada`. Of what we wrote ourselves, the key."""
    if topic == "interactions" and event.subject:
        return f"{CUSTOMER}:{event.subject.removeprefix(f'{CUSTOMER}:')}"
    if topic == "interactions" and event.visitor:
        return f"{VISITOR}:{event.visitor}"
    return event.subject or (key.decode() if key else None)


def _decided(decided: Decided) -> Row:
    return {
        "decision": decided.decision,
        "time": _utc(decided.at),
        "channel": decided.channel,
        "policy": decided.policy,
        "model": decided.model,
        "candidates": decided.candidates,
        "treatments": [msgspec.structs.asdict(each) for each in decided.treatments],
        "withheld": [msgspec.structs.asdict(each) for each in decided.withheld],
    }


def _responded(responded: Responded) -> Row:
    """A backend writes the code as it was printed or spoken."""
    at = responded.time if responded.at_ms is None else moment(responded.at_ms)
    return {
        "code": responded.code if responded.at_ms is not None or responded.customer else codes.parse(responded.code),
        "decision": responded.decision,
        "outcome": responded.outcome,
        "outcomes": [{"outcome": name, "class": kind} for name, kind in responded.outcomes.items()],
        "amount": _amount(responded),
        **({"goal_event": responded.goal_event, "share": responded.share} if responded.goal_event else {}),
        **({"time": _utc(at)} if at else {}),
    }


def _amount(responded: Responded) -> Decimal:
    amount = Decimal(str(responded.amount))
    exact = amount if responded.at_ms is not None else amount * 10_000
    if exact != exact.to_integral_value() or abs(exact) >= LARGEST_AMOUNT:
        raise ValueError(f"the amount {responded.amount} does not fit")
    return Decimal(int(exact)).scaleb(-4)
