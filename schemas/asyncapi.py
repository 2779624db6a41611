"""schemas/asyncapi.yaml: the topics of the log as an AsyncAPI 3 document, made from the table and the models.

`python -m schemas.export` writes it; a test compares.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter

from schemas.topics import STRUCTURED, TOPICS, Topic

Mode = Literal["validation", "serialization"]

SCHEMAS = "#/components/schemas/"
KAFKA = {"bindingVersion": "0.5.0"}
NOTE = "# generated: python -m schemas.export\n"
INFO = {
    "title": "Opportune",
    "version": "1",
    "license": {"name": "Apache-2.0"},
    "description": """\
The log of Opportune, an open real-time decisioning service. Every topic has the same number of partitions. The key of a
record of ours is its subject, such as `customer:ada`; all that we write of a subject is in one partition, in order.
Records are CloudEvents 1.0 in the binding for Kafka: interactions in structured mode, all others in binary mode.
The required headers, and the payloads, are those of the records that Opportune writes. Backends may write to the topics
`interactions` and `responses` too, in forms that need none of these headers: the messages say which.
A record may come twice; `ce_source` and `ce_id` together say which are the same.
""",
}
ATTRIBUTES = {
    "ce_specversion": "The version of CloudEvents.",
    "ce_id": "With the source, what makes two records the same one.",
    "ce_source": "Who says it: a touchpoint, or `opportune`.",
    "ce_type": "What it is.",
    "ce_time": "When it happened, or when it was said (RFC 3339).",
    "ce_subject": "The customer's id in interactions; elsewhere the identifier, as in the key.",
    "content-type": "Which mode of the binding: the data alone, or the whole event.",
    "schema": "The version of the body's schema.",
    "opportune": "Last of the headers of what Opportune writes: its signature, or 1. Nobody else sets it.",
}
REQUIRED = ["ce_specversion", "ce_id", "ce_source", "ce_type", "content-type", "schema"]


def written() -> str:
    """The text of the file."""
    return NOTE + yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=110)


def document(topics: Sequence[Topic] = TOPICS) -> dict[str, Any]:
    return {
        "asyncapi": "3.1.0",
        "info": INFO,
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "localhost:9092", "protocol": "kafka", "description": "As `make kafka` has it."}},
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {name: each for topic in topics for name, each in _operations(topic)},
        "components": {
            "messages": {topic.name: _message(topic) for topic in topics},
            "schemas": _schemas(topics),
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": topic.holds,
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": ["delete"]}, **KAFKA}},
    }


def _operations(topic: Topic) -> Iterable[tuple[str, dict[str, Any]]]:
    """Opportune's own: it writes every topic, and reads what it follows."""
    for action in ("send", "receive"):
        yield (
            f"{action}-{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}],
            },
        )


def _message(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "title": topic.holds,
        "description": _by_whom(topic),
        "contentType": topic.content_type,
        "headers": {"type": "object", "required": REQUIRED, "properties": _headers(topic)},
        "payload": {"$ref": SCHEMAS + component(topic)},
        "bindings": {"kafka": {"key": {"type": "string", "examples": ["customer:ada"]}, **KAFKA}},
    }


def _by_whom(topic: Topic) -> str:
    if not topic.backends:
        return "Written by Opportune only: headers and payload are those of its records."
    return f"As Opportune writes it; the headers are required of its own records. Backends write: {topic.backends}"


def _headers(topic: Topic) -> dict[str, Any]:
    known = {"ce_specversion": "1.0", "ce_type": topic.event_type, "content-type": topic.content_type, "schema": "1"}
    return {
        name: {"type": "string", "description": text, **({"const": known[name]} if known.get(name) else {})}
        for name, text in ATTRIBUTES.items()
    }


def component(topic: Topic) -> str:
    """The name of a topic's payload among the schemas."""
    return getattr(topic.message, "__name__", None) or f"{topic.name}-record"


def _schemas(topics: Iterable[Topic]) -> dict[str, Any]:
    """Of every payload, and of all that those refer to."""
    found: dict[str, Any] = {}
    for topic in topics:
        mode: Literal["validation", "serialization"] = (
            "validation" if topic.content_type == STRUCTURED else "serialization"
        )
        schema = TypeAdapter(topic.message).json_schema(by_alias=True, mode=mode, ref_template=SCHEMAS + "{model}")
        found.update(schema.pop("$defs", {}))
        found[component(topic)] = schema
    return {name: _older(schema) for name, schema in found.items()}


def _older(schema: Any) -> Any:
    """In the dialect of AsyncAPI, which is draft 07: there `discriminator` is a name, and it needs no mapping."""
    if isinstance(schema, list):
        return [_older(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    older = {name: _older(each) for name, each in schema.items()}
    if isinstance(older.get("discriminator"), dict):
        older["discriminator"] = older["discriminator"]["propertyName"]
    return older
