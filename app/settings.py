"""The settings: one table, one frozen value, read from an environment that is passed in.

`TABLE` is the only place that names them; docs/settings.md is generated from it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.errors import BadSettings
from schemas.base import duration_ms
from schemas.decision import LONGEST_DEADLINE_MS

PREFIX = "OPPORTUNE_"
REPLICATED = "replicated"
SERVER = re.compile(r"([^\s:/@,\[\]]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Settings:
    redis: str | None
    """None: the embedded one."""
    var: Path
    host: str
    port: int
    metrics_port: int
    shards: int
    durability: str
    replicas: int
    """Needed for `replicated`."""
    log_level: str
    log_keep: int
    outbox_most: int
    dead_letters_keep: int
    decision_keep: int
    """ms"""
    decision_deadline: int
    """ms"""
    kafka: tuple[str, ...]
    """`host:port` of some brokers; none: the log is the outboxes in Redis."""
    kafka_partitions: int
    kafka_replication: int
    kafka_retention: int
    """ms"""
    kafka_security_protocol: str
    kafka_sasl_mechanism: str
    kafka_sasl_username: str
    kafka_sasl_password: str = field(repr=False)
    kafka_ssl_cafile: Path | None
    kafka_ssl_certfile: Path | None
    kafka_ssl_keyfile: Path | None
    kafka_secret: str = field(repr=False)
    instance: str
    archive: str
    """A folder or an S3 URI; empty: no archive."""
    archive_every: int
    """ms"""
    key: str = field(repr=False)
    """Who acts on the command line; empty: whoever is at this terminal."""

    @staticmethod
    def from_env(environ: Mapping[str, str]) -> "Settings":
        """Raises BadSettings for an unknown `OPPORTUNE_*` name and for a value that does not fit."""
        known = {each.name: each for each in TABLE}
        for name in environ:
            if name.startswith(PREFIX) and name not in known:
                raise BadSettings(f"there is no setting {name}", hint=_nearest(name, list(known)))
        settings = Settings(**{each.field: each.read(environ) for each in TABLE})
        if settings.durability == REPLICATED and settings.redis is None:
            raise BadSettings(
                f"{PREFIX}DURABILITY={REPLICATED} needs a Redis with replicas, and the embedded one has none",
                hint=f"set {PREFIX}REDIS to one that has them, or {PREFIX}DURABILITY to always",
            )
        return settings

    @property
    def replicas_needed(self) -> int:
        """How many replicas must have a write before it is answered."""
        return self.replicas if self.durability == REPLICATED else 0


@dataclass(frozen=True, slots=True)
class Setting:
    field: str
    default: str
    """As it would be written in the environment; empty for none."""
    parse: Callable[[str], Any]
    meaning: str

    @property
    def name(self) -> str:
        return PREFIX + self.field.upper()

    @property
    def default_text(self) -> str:
        return f"`{self.default}`" if self.default else "–"

    def read(self, environ: Mapping[str, str]) -> Any:
        text = environ.get(self.name, "").strip() or self.default
        try:
            return self.parse(text)
        except ValueError as cause:
            raise BadSettings(f"{self.name}={text!r}: {cause}", hint=self.meaning) from cause


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"give one of {', '.join(allowed)}")
        return text.lower()

    return parse


def _redis_url(text: str) -> str | None:
    cluster = re.fullmatch(r"rediss?\+cluster://([^@/]*@)?(?P<servers>[^@/]+)", text)
    if cluster:
        _servers(cluster["servers"])
    elif text and not text.startswith(("redis://", "rediss://", "unix:///")):
        raise ValueError(
            "give a URL such as redis://host:6379/0, rediss://host:6379, unix:///path or "
            "redis+cluster://host:6379,host:6379"
        )
    return text or None


def _servers(text: str) -> tuple[str, ...]:
    servers = tuple(each.strip() for each in text.split(",") if each.strip())
    if not all(SERVER.fullmatch(each) for each in servers):
        raise ValueError("give host:port, or several with commas between")
    return servers


def _part_of_an_hour(text: str) -> int:
    ms = duration_ms(text)
    if ms < 1_000 or 3_600_000 % ms:
        raise ValueError("give a duration that divides an hour, such as 5m, 15m or 1h")
    return ms


def _deadline(text: str) -> int:
    """Durations of policies know no ms: nothing else here is so short."""
    number = text.removesuffix("ms")
    ms = int(number) if number != text and number.isascii() and number.isdigit() else duration_ms(text)
    if not 1 <= ms <= LONGEST_DEADLINE_MS:
        raise ValueError("give a duration from 1ms to 1m")
    return ms


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0)
    return f"did you mean {near[0]}? docs/settings.md lists all of them"


_port = _whole_number(0, 65_535)

TABLE: tuple[Setting, ...] = (
    Setting(
        "redis",
        "",
        _redis_url,
        "URL of the Redis to use (`redis://`, `rediss://`, `unix://`; of a cluster `redis+cluster://` or "
        "`rediss+cluster://` with `host:port` of some nodes and commas between); without it, `opportune up` starts one "
        "of its own and the other commands look for that",
    ),
    Setting("var", "./var", Path, "Folder for the state of the embedded Redis"),
    Setting("host", "127.0.0.1", str, "Address on which the API listens"),
    Setting("port", "8080", _port, "Port of the API; 0 takes a free one"),
    Setting(
        "metrics_port",
        "0",
        _port,
        "Port on which a worker serves its metrics, on OPPORTUNE_HOST; 0 takes a free one and logs it. "
        "The API serves its own under /metrics",
    ),
    Setting(
        "shards",
        "16",
        _whole_number(1, 9_999),
        "Shards of a new store; a store keeps the number it was begun with",
    ),
    Setting(
        "durability",
        "everysec",
        _one_of("everysec", "always", REPLICATED),
        "When an answer is given: `everysec` (survives any crash; a power cut may cost the last second), "
        "`always` (after it is on disk) or `replicated` (after OPPORTUNE_REPLICAS replicas have it; needs "
        "OPPORTUNE_REDIS). The first two set the embedded Redis; a Redis of your own says itself when it writes to "
        "disk, and /readyz shows what it says",
    ),
    Setting(
        "replicas",
        "1",
        _whole_number(1, 100),
        "How many replicas must have a write before it is answered, with `OPPORTUNE_DURABILITY=replicated`",
    ),
    Setting("log_level", "info", _one_of("debug", "info", "warning", "error"), "What is logged"),
    Setting(
        "log_keep",
        "1000",
        _whole_number(0, 1_000_000_000),
        "Records that the log of each shard keeps in Redis after they were folded",
    ),
    Setting(
        "outbox_most",
        "2000000",
        _whole_number(1, 1_000_000_000),
        "Where Redis has no `maxmemory`: records that may wait in the outboxes, for Kafka or else for the workers, "
        "before interactions are answered with 429. Where it has one, that is done from 80% of it",
    ),
    Setting(
        "dead_letters_keep",
        "10000",
        _whole_number(1, 1_000_000),
        "Dead letters that each shard keeps in Redis, for 30 days and up to 64 MiB; when there are more, the oldest go",
    ),
    Setting(
        "decision_keep",
        "30d",
        duration_ms,
        "How long decision records stay in Redis; response codes and ledgers live as long as the policy's "
        "`contact_policy.remember`",
    ),
    Setting(
        "decision_deadline",
        "500ms",
        _deadline,
        "How long a decision may take before the defaults of its placements are answered, where the request gives no "
        "`deadline_ms`. Requests none of whose placements has a default wait longer",
    ),
    Setting(
        "kafka",
        "",
        _servers,
        "Kafka as the log: `host:port` of some brokers, with commas between; without it the log is the outboxes in "
        "Redis",
    ),
    Setting(
        "kafka_partitions",
        "16",
        _whole_number(1, 9_999),
        "Partitions of every topic; some may be added, as docs/kafka.md says. As many workers can share the intake. "
        "Must divide the number of shards, so that none stays empty",
    ),
    Setting(
        "kafka_replication",
        "3",
        _whole_number(1, 9),
        "Brokers that have each record. From 3 on, a record is acknowledged when it is on two",
    ),
    Setting(
        "kafka_retention",
        "7d",
        duration_ms,
        "How long the log keeps records: longer than any outage of workers, and as far back as profiles can be "
        "rebuilt from it",
    ),
    Setting(
        "kafka_security_protocol",
        "plaintext",
        _one_of("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
        "How brokers are spoken to",
    ),
    Setting(
        "kafka_sasl_mechanism",
        "scram-sha-512",
        _one_of("plain", "scram-sha-256", "scram-sha-512"),
        "How we say who we are, with a `sasl_` protocol",
    ),
    Setting("kafka_sasl_username", "", str, "Who we are"),
    Setting("kafka_sasl_password", "", str, "The password; it is never logged"),
    Setting(
        "kafka_ssl_cafile",
        "",
        _path,
        "PEM file of those who sign the brokers' certificates; without it, those whom the system trusts",
    ),
    Setting("kafka_ssl_certfile", "", _path, "PEM file of our own certificate, where brokers ask for one"),
    Setting("kafka_ssl_keyfile", "", _path, "PEM file of its private key, not encrypted"),
    Setting(
        "kafka_secret",
        "",
        str,
        "Any text that nobody else knows: with it what Opportune writes to Kafka is signed, so that whoever else may "
        "write to the topics cannot speak in its name. The same for all processes, and for as long as the log is kept",
    ),
    Setting(
        "instance",
        "",
        str,
        "Name of a worker that it keeps when it is started again, such as the name of its pod: then a crash moves "
        "nobody's partitions. No two workers at a time may have the same; without it each start is somebody new",
    ),
    Setting(
        "archive",
        "",
        str,
        "Where the log is archived: a folder, or `s3://bucket/prefix`, where it is not Amazon's with "
        "`?endpoint_override=host:port&scheme=https`; without it there is no archive",
    ),
    Setting(
        "archive_every",
        "15m",
        _part_of_an_hour,
        "How often files of the archive are written; it must divide an hour. Change it while no archiver runs",
    ),
    Setting(
        "key",
        "",
        str,
        "The API key of whoever drafts, approves, publishes or rolls back a policy on the command line; needed as soon "
        "as some key has the scope `approve`",
    ),
)
