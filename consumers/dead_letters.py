"""Records that cannot be taken in or folded: the reason, the error and the original bytes.

One form for both who write them: the fold, of a record of its shard's log, and the intake, of a record in Kafka.
"""

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar

import orjson
from msgspec import Struct
from pydantic import ValidationError

from consumers.log import LogRecord
from profiles.dead_letters import place_in_kafka
from profiles.errors import BadFields
from profiles.ledger import UnknownCode
from profiles.store import DEAD_LETTERS, Record
from schemas.dead_letter import DeadLetter, Reason

T = TypeVar("T")
Given = TypeVar("Given")
LONGEST_ERROR = 2_000
"""Characters: pydantic has a line for each thing that is wrong, and quotes nothing, but there may be many."""


class Undecodable(Exception):  # noqa: N818 (reads as a sentence where it is raised)
    """The bytes are no record of their topic."""


class NotOurs(Exception):  # noqa: N818
    """Somebody else says what only Opportune may say."""


def decoded(read: Callable[[Given], T], body: Given) -> T:
    """What `read`, a model's validation, makes of the bytes or the JSON. Raises Undecodable: a ValidationError that
    comes from anywhere else is a defect of ours and no fault of the record."""
    try:
        return read(body)
    except ValidationError as cause:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}".removeprefix(": ") for each in cause.errors())
        raise Undecodable("; ".join(wrong)) from cause


def why_dead(cause: Exception) -> tuple[Reason, str]:
    """A stable reason and the error itself."""
    match cause:
        case Undecodable():
            return "undecodable", str(cause)
        case NotOurs():
            return "not_ours", str(cause)
        case BadFields():
            return "ill_typed", cause.reason
        case UnknownCode():
            return "unknown_code", f"no treatment with the code {cause} in the ledger"
        case _:
            return "fold_failed", f"{type(cause).__name__}: {cause}"


class InKafka(Struct, frozen=True):
    """A record as it stands in Kafka."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    """When the broker took it."""
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None

    @property
    def place(self) -> str:
        return place_in_kafka(self.topic, self.partition, self.offset)


def of_the_fold(record: LogRecord, shard: int, cause: Exception) -> Record:
    """The letter of a record that could not be folded."""
    reason, error = why_dead(cause)
    partition, _, offset = record.origin.partition(":")
    letter = DeadLetter(
        reason=reason,
        error=error[:LONGEST_ERROR],
        log="kafka" if record.origin else "redis",
        topic=record.topic,
        partition=int(partition) if record.origin else shard,
        offset=int(offset) if record.origin else record.offset,
        at_ms=record.first_ms or record.at_ms,
        original=_text(record.body),
    )
    return _record(letter, record.id, record.subject)


def of_the_intake(found: InKafka, cause: Exception, subject: str = "") -> Record:
    """The letter of a record that could not be taken in; its id is the place. `subject`: empty where nobody can tell
    whom it is about."""
    reason, error = why_dead(cause)
    letter = DeadLetter(
        reason=reason,
        error=error[:LONGEST_ERROR],
        log="kafka",
        topic=found.topic,
        partition=found.partition,
        offset=found.offset,
        at_ms=found.at_ms,
        key=None if found.key is None else _text(found.key),
        headers=tuple((name, _text(value or b"")) for name, value in found.headers),
        original=_text(found.value or b""),
    )
    return _record(letter, found.place, subject)


def found_in_kafka(letter: DeadLetter) -> InKafka:
    """What the intake had before it when it wrote this letter (no value comes back as an empty one)."""
    key = None if letter.key is None else base64.b64decode(letter.key)
    headers = tuple((name, base64.b64decode(value)) for name, value in letter.headers)
    place = letter.topic, letter.partition, letter.offset
    return InKafka(*place, letter.at_ms, key, headers, base64.b64decode(letter.original))


def _record(letter: DeadLetter, record_id: str, subject: str) -> Record:
    return Record(DEAD_LETTERS, record_id, subject, orjson.dumps(letter.model_dump()))


def _text(found: bytes) -> str:
    return base64.b64encode(found).decode()
