"""What is kept of a policy's life: which revision is live, what is scheduled, what was live before.

All of it are fields of one hash (docs/redis-layout.md), so that one script changes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from consumers.live import LivePolicy
from schemas.base import rfc3339
from schemas.revision import Mark, RevisionRecord, RevisionState

FOLLOWED = ("live", "schedule")
"""What every process looks at twice a second."""
OF_REVISION = "revision:"


@dataclass(frozen=True, slots=True)
class Who:
    """Who takes a step: the holder of a key, or whoever is at a terminal."""

    name: str
    key: str | None = None

    def mark(self, now_ms: int) -> Mark:
        return Mark(at=rfc3339(now_ms), by=self.name, key=self.key)


@dataclass(frozen=True, slots=True)
class Heading:
    """What is kept about a policy that fits."""

    revision: str
    name: str
    identifiers: tuple[str, ...]

    @staticmethod
    def of(policy: LivePolicy) -> "Heading":
        return Heading(policy.revision, policy.ruleset.policy.policy.name, tuple(policy.definition.identifiers))


@dataclass(frozen=True, slots=True)
class Scheduled:
    at_ms: int
    revision: str
    who: Who


@dataclass(frozen=True, slots=True)
class Book:
    version: int = 0
    live: str | None = None
    schedule: tuple[Scheduled, ...] = ()
    """The next one first."""
    before: tuple[str, ...] = ()
    """What was live before, the last one last; what was rolled back is not in it."""
    records: Mapping[str, RevisionRecord] = field(default_factory=dict)

    def scheduled(self, revision: str) -> Scheduled | None:
        return next((each for each in self.schedule if each.revision == revision), None)

    def state(self, record: RevisionRecord) -> RevisionState:
        if record.revision == self.live:
            return "live"
        if self.scheduled(record.revision):
            return "scheduled"
        if record.live and not record.rolled_back:
            return "retired"
        if record.approved:
            return "approved"
        return "rolled_back" if record.rolled_back else "draft"


def opened(found: Mapping[str, bytes | None]) -> Book:
    """The book as it stands in Redis."""
    texts = {name: value for name, value in found.items() if value is not None}
    live = texts.get("live", b"").decode()
    return Book(
        version=int(texts.get("version", 0)),
        live=live or None,
        schedule=tuple(_scheduled(each) for each in orjson.loads(texts.get("schedule", b"[]"))),
        before=tuple(orjson.loads(texts.get("before", b"[]"))),
        records=dict(_record(name, value) for name, value in texts.items() if name.startswith(OF_REVISION)),
    )


def written(book: Book, changed: Iterable[RevisionRecord]) -> dict[str, str]:
    """What to write for a book, without its version; of the records only those that have changed."""
    schedule = [{"at_ms": each.at_ms, "revision": each.revision, "name": each.who.name, "key": each.who.key}
                for each in book.schedule]  # fmt: skip
    return {
        "live": book.live or "",
        "schedule": orjson.dumps(schedule).decode(),
        "before": orjson.dumps(book.before).decode(),
        **{OF_REVISION + each.revision: each.model_dump_json(exclude_none=True) for each in changed},
    }


def _scheduled(text: Mapping[str, str]) -> Scheduled:
    return Scheduled(int(text["at_ms"]), text["revision"], Who(text["name"], text["key"]))


def _record(name: str, text: bytes) -> tuple[str, RevisionRecord]:
    return name.removeprefix(OF_REVISION), RevisionRecord.model_validate_json(text)
