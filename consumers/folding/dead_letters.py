"""Records that cannot be folded: the reason, the error and the original bytes."""

import base64

import orjson
from pydantic import ValidationError

from consumers.log import LogRecord
from profiles.errors import BadFields
from profiles.ledger import UnknownCode
from profiles.store import DEAD_LETTERS, Record
from schemas.dead_letter import DeadLetter


def why_dead(cause: Exception) -> tuple[str, str]:
    """A stable reason and the error itself."""
    match cause:
        case ValidationError():
            return "undecodable", "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in cause.errors()
            )
        case BadFields():
            return "ill_typed", cause.reason
        case UnknownCode():
            return "unknown_code", f"no treatment with the code {cause} in the ledger"
        case _:
            return "fold_failed", f"{type(cause).__name__}: {cause}"


def dead_letter(record: LogRecord, reason: str, detail: str) -> Record:
    letter = DeadLetter(
        reason=reason,
        error=detail,
        topic=record.topic,
        offset=record.offset,
        original=base64.b64encode(record.body).decode(),
    )
    return Record(DEAD_LETTERS, record.id, record.subject, orjson.dumps(letter.model_dump()))
