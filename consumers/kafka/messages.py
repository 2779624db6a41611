"""How a record stands in Kafka: its partition, key, value and headers (CloudEvents binding for Kafka 1.0.2).

The value is the body as it stands in the outbox, byte for byte. An interaction is a whole CloudEvent (structured
mode); its headers repeat the attributes, as the binding permits. All others are the data of an event whose attributes
are in the headers (binary mode).
"""

from collections.abc import Mapping
from functools import lru_cache

import orjson
from msgspec import Struct

from consumers.kafka.errors import LogMisfit
from profiles.store import Record
from schemas.base import rfc3339
from schemas.topics import STRUCTURED, TOPIC_BY_NAME, Topic

SPEC_VERSION = "1.0"
SOURCE = "opportune"
SCHEMA = "schema"
"""The header with the version of the body's schema."""
FIRST_MS = "first_ms"
CONTENT_TYPE = "content-type"

Header = tuple[str, bytes]
Headers = tuple[Header, ...]


class Message(Struct, frozen=True):
    topic: str
    shard: int
    key: bytes
    """The subject."""
    value: bytes
    headers: Headers


def message(record: Record, shard: int, taken_ms: int, schema: str = "1", first_ms: str = "") -> Message:
    """`taken_ms`: when the outbox took it; `schema`: what the outbox says of its body; `first_ms`: of a record that was
    put back into the log, when the log took it first. Raises LogMisfit."""
    topic = TOPIC_BY_NAME.get(record.topic)
    if topic is None:
        told = f"there is no topic `{record.topic}` for the record {record.id} in the outbox of shard {shard}"
        raise LogMisfit(told, hint="nothing of Opportune writes such a record: take it out by hand (XDEL)")
    attributes = _of_event(record) if topic.content_type == STRUCTURED else _of_ours(topic, record, taken_ms)
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items() if isinstance(value, str)]
    headers += _about_body(topic.content_type, schema)
    if first_ms:
        headers.append((FIRST_MS, first_ms.encode()))
    return Message(record.topic, shard, record.subject.encode(), record.body, tuple(headers))


@lru_cache(maxsize=100)
def _about_body(content_type: str, schema: str) -> tuple[Header, ...]:
    return (CONTENT_TYPE, content_type.encode()), (SCHEMA, schema.encode())


def _of_event(record: Record) -> Mapping[str, object]:
    """The CloudEvent that is the body; those of its attributes that are text become headers. None where it is no event:
    whoever folds it will say so."""
    try:
        event = orjson.loads(record.body)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _of_ours(topic: Topic, record: Record, taken_ms: int) -> Mapping[str, object]:
    return {
        "specversion": SPEC_VERSION,
        "id": record.id,
        "source": SOURCE,
        "type": topic.event_type,
        "subject": record.subject,
        "time": rfc3339(taken_ms),
    }
