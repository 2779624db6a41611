"""The schema of each topic's files: `docs/archive.md` describes it. Columns are only ever added."""

import pyarrow as pa  # type: ignore[import-untyped]

VERSION = "1"
"""In each file's metadata as `opportune.schema`; a higher one has more columns, and none with another meaning."""

TIME = pa.timestamp("ms", tz="UTC")
ATTRIBUTES = [
    pa.field("id", pa.string()),
    pa.field("source", pa.string()),
    pa.field("type", pa.string()),
    pa.field("subject", pa.string()),
    pa.field("time", TIME),
]
OF_THE_LOG = [
    pa.field("taken", TIME, nullable=False),
    pa.field("topic", pa.string(), nullable=False),
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("schema_version", pa.string()),
    pa.field("unreadable", pa.string()),
    pa.field("key", pa.binary()),
    pa.field("headers", pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.binary())]))),
    pa.field("value", pa.string()),
    pa.field("value_bytes", pa.binary()),
]
TREATMENT = pa.struct(
    [pa.field(name, pa.string()) for name in ("code", "placement")]
    + [pa.field("rank", pa.int32())]
    + [pa.field(name, pa.string()) for name in ("campaign", "program", "cell", "offer", "kind", "treatment")]
    + [pa.field("score", pa.float64())]
)
WITHHELD = pa.struct(
    [pa.field(name, pa.string()) for name in ("placement", "kind", "campaign", "program", "cell", "offer")]
)
OF_THE_TOPIC = {
    "interactions": [
        pa.field("channel", pa.string()),
        pa.field("policy", pa.string()),
        pa.field("data", pa.string()),
    ],
    "decisions": [
        pa.field("decision", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("policy", pa.string()),
        pa.field("model", pa.string()),
        pa.field("candidates", pa.int32()),
        pa.field("treatments", pa.list_(TREATMENT)),
        pa.field("withheld", pa.list_(WITHHELD)),
    ],
    "responses": [
        pa.field("code", pa.string()),
        pa.field("decision", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("outcomes", pa.list_(pa.struct([pa.field("outcome", pa.string()), pa.field("class", pa.string())]))),
        pa.field("amount", pa.decimal128(18, 4)),
        pa.field("goal_event", pa.string()),
        pa.field("share", pa.int32()),
    ],
}


def layout(topic: str) -> pa.Schema:
    return pa.schema([*ATTRIBUTES, *OF_THE_TOPIC.get(topic, ()), *OF_THE_LOG])
