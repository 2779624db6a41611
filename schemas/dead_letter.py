"""Dead letters: records of the log that could not be taken in or folded."""

from typing import Literal

from schemas.base import Model

Reason = Literal["undecodable", "ill_typed", "unknown_code", "not_ours", "fold_failed"]
"""`undecodable`: the bytes are no record of their topic; `ill_typed`: they are, and do not fit the policy;
`unknown_code`: a response to nothing that was proposed; `not_ours`: somebody else says what only Opportune may say;
`fold_failed`: the fold itself broke."""


class DeadLetter(Model):
    """A record that was passed over, so that the partition goes on."""

    reason: Reason
    """A stable word."""
    error: str
    """What was wrong, for a person."""
    log: Literal["redis", "kafka"] = "redis"
    """Whose `partition` and `offset` are meant."""
    topic: str
    partition: int
    """Of Kafka's topic; in Redis the shard."""
    offset: int
    """Where the record stands there; in Redis the id in its stream as milliseconds × 2²⁰ + sequence."""
    at_ms: int
    """When a log took it, the first time if it was put back."""
    key: str | None = None
    """Of a record in Kafka, in base 64."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of a record in Kafka: name and value in base 64."""
    original: str
    """The record's body, byte for byte, in base 64."""


class DeadLetterView(DeadLetter):
    """As `opportune dead-letters` shows it."""

    id: str
    """Of the letter: shard, milliseconds and number."""
    dead: str
    """When it became one (RFC 3339)."""
    record_id: str
    """`ce_id` of the record; of an interaction `<source>#<id>`."""
    subject: str | None
    """None where nobody can tell whom it is about."""


class DeadLetterList(Model):
    letters: tuple[DeadLetterView, ...]
    """Newest first."""
    counts: dict[Reason, int]
    """Of all that fit, by reason."""
    more: bool
    """Whether there are older ones; `--before` and the last id show them."""
