"""The topics of the log: one table, from which they are created, and described in asyncapi.yaml.

All have the same number of partitions, so that what concerns one customer has the same partition in each.
"""

from dataclasses import dataclass
from typing import Any

from schemas.action import Action
from schemas.base import UNIT_MS
from schemas.dead_letter import DeadLetter
from schemas.decision import DecisionRecord
from schemas.erasure import ErasureRecord
from schemas.identity import IdentityRecord
from schemas.interaction import CloudEvent
from schemas.response import ResponseRecord

BINARY, STRUCTURED = "application/json", "application/cloudevents+json"
"""The content type of a record says which mode of the CloudEvents binding for Kafka it is in."""
MEBIBYTE = 1 << 20
FOR_EVER_MS = -1


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    holds: str
    message: Any
    """The model of a record's body: a class or a union of classes."""
    event_type: str = ""
    """The CloudEvents `type` of its records; empty where each record has its own."""
    content_type: str = BINARY
    backends: str = ""
    """What others write to it; empty where nobody else may."""
    kept_ms: int | None = None
    """At least so long, or FOR_EVER_MS; None: as OPPORTUNE_KAFKA_RETENTION says."""
    most_bytes: int = 4 * MEBIBYTE
    """Of one batch of records as it is compressed, hence of one record."""

    def retention_ms(self, setting_ms: int) -> int:
        if self.kept_ms is None:
            return setting_ms
        return FOR_EVER_MS if self.kept_ms == FOR_EVER_MS else max(self.kept_ms, setting_ms)


TOPICS: tuple[Topic, ...] = (
    Topic(
        "interactions",
        "What customers did, or what happened to them.",
        CloudEvent,
        content_type=STRUCTURED,
        backends="whole events as here, which the live policy types whatever their `policy` says. They need no key and "
        "no headers; with `ce_specversion` and the other attributes in headers the value is the data (binary mode).",
    ),
    Topic("decisions", "What was decided, and all that it stands on.", DecisionRecord, "opportune.decision"),
    Topic(
        "responses",
        "What became of a treatment.",
        ResponseRecord,
        "opportune.response",
        backends='no ResponseRecord but `{"code": …, "outcome": …}`, and `amount` (in the currency of the policy) and '
        "`time` (RFC 3339) where they are known, as in POST /v1/responses; as plain JSON or as the data of an event. "
        "They need no key and no headers.",
    ),
    Topic("identities", "What one identifier says to another.", IdentityRecord, "opportune.identity"),
    Topic("actions", "What goes out to customers without their asking.", Action, "opportune.action"),
    Topic(
        "erasures",
        "Who was erased: kept for ever, so that no replay or rebuild brings anybody back.",
        ErasureRecord,
        "opportune.erasure",
        kept_ms=FOR_EVER_MS,
    ),
    Topic(
        "dead-letters",
        "Records that could not be folded, with the reason and the original bytes.",
        DeadLetter,
        "opportune.dead_letter",
        kept_ms=30 * UNIT_MS["d"],
        most_bytes=8 * MEBIBYTE,  # the original in base 64 is a third longer
    ),
)
TOPIC_BY_NAME = {topic.name: topic for topic in TOPICS}
