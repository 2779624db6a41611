"""The log sorted by shard, on the local disk while a rebuild runs: it is read once, and folded shard by shard.

Each shard gets its records in the order in which Kafka took them, each partition in its own order. A record is given
out once, until its shard is begun anew.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing

from msgspec import Struct

from consumers.kafka.ordering import RANK
from consumers.kafka.reading import Part
from profiles.decided import KnownCode
from profiles.store import Record

AT_ONCE = 400
CREATE = """
CREATE TABLE log (
    shard INTEGER, latest_ms INTEGER, rank INTEGER, seq INTEGER, topic TEXT, partition INTEGER, offset INTEGER,
    at_ms INTEGER, id TEXT, subject TEXT, schema TEXT, first_ms TEXT, body BLOB, given INTEGER DEFAULT 0,
    PRIMARY KEY (shard, latest_ms, rank, seq)
) WITHOUT ROWID;
CREATE TABLE codes (code TEXT PRIMARY KEY, decision TEXT, subject TEXT, offer TEXT, at_ms INTEGER) WITHOUT ROWID;
"""
ADD = "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
NEXT = """
SELECT latest_ms, rank, seq, topic, partition, offset, at_ms, id, subject, schema, first_ms, body FROM log
WHERE shard = ? AND given = 0 AND (latest_ms, rank, seq) > (?, ?, ?) ORDER BY latest_ms, rank, seq LIMIT ?
"""
GIVE = "UPDATE log SET given = 1 WHERE shard = ? AND latest_ms = ? AND rank = ? AND seq = ?"


class Spooled(Struct, frozen=True):
    """A record of the log of a shard, and where it stands in Kafka."""

    shard: int
    part: Part
    offset: int
    at_ms: int
    record: Record
    schema: str
    first_ms: str = ""
    """When a log took it first, of a dead letter that was put back."""


class Spool:
    """In a file without a name in the temp folder (TMPDIR), which goes with the process, however that ends."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript("PRAGMA temp_store = FILE; PRAGMA journal_mode = OFF;" + CREATE)
        self._latest_ms: dict[Part, int] = {}
        self._seq = 0

    def close(self) -> None:
        self._db.close()

    def add(self, several: Iterable[Spooled]) -> None:
        """Those of one partition in its order."""
        with self._transaction():
            self._db.executemany(ADD, map(self._row, several))

    def _row(self, each: Spooled) -> tuple[object, ...]:
        self._seq += 1
        latest = self._latest_ms[each.part] = max(self._latest_ms.get(each.part, 0), each.at_ms)
        said = each.record
        where = (each.shard, latest, RANK.get(each.part.topic, 0), self._seq)
        return (
            *where,
            *each.part,
            each.offset,
            each.at_ms,
            said.id,
            said.subject,
            each.schema,
            each.first_ms,
            said.body,
        )

    def remember(self, codes: Mapping[str, KnownCode]) -> None:
        rows = ((code, each.decision, each.subject, each.offer, each.at_ms) for code, each in codes.items())
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO codes VALUES (?, ?, ?, ?, ?)", rows)

    def known(self, codes: Iterable[str]) -> dict[str, KnownCode]:
        found = {}
        for code in codes:
            query = "SELECT decision, subject, offer, at_ms FROM codes WHERE code = ?"
            for row in self._db.execute(query, (code,)):
                found[code] = KnownCode(*row)
        return found

    def give(
        self, shard: int, before: Mapping[Part, int], without: Collection[tuple[Part, int]]
    ) -> Iterator[list[Spooled]]:
        """What was not given yet, portion after portion: of each partition what stands `before` an offset, but for
        the places named."""
        after: tuple[int, int, int] = (-1, -1, -1)
        while rows := self._db.execute(NEXT, (shard, *after, AT_ONCE)).fetchall():
            after = rows[-1][:3]
            found = [(row[:3], _spooled(shard, row)) for row in rows]
            wanted = [
                (key, one)
                for key, one in found
                if one.offset < before.get(one.part, 0) and (one.part, one.offset) not in without
            ]
            with self._transaction():
                self._db.executemany(GIVE, ((shard, *key) for key, _ in wanted))
            if wanted:
                yield [one for _, one in wanted]

    def again(self, shard: int) -> None:
        """All of a shard is given anew."""
        self._db.execute("UPDATE log SET given = 0 WHERE shard = ?", (shard,))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        with closing(self._db.cursor()) as cursor:
            cursor.execute("COMMIT")


def _spooled(shard: int, row: tuple[object, ...]) -> Spooled:
    topic, partition, offset, at_ms, record_id, subject, schema, first_ms, body = row[3:]
    record = Record(topic, record_id, subject, body)  # type: ignore[arg-type]
    return Spooled(shard, Part(topic, partition), offset, at_ms, record, schema, first_ms)  # type: ignore[arg-type]
