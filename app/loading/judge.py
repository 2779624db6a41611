"""A row as what the log takes, or why it is bad. The one judge of types is the policy, as for every interaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from app.loading.cells import READERS, is_empty
from app.loading.mapping import Columns
from app.loading.quality import Counting
from app.loading.rows import BadRow, Row
from consumers.accepting import accepted, record_of
from consumers.live import LivePolicy
from profiles.errors import BadFields
from profiles.store import Record
from schemas.interaction import IDENTIFY, Interaction

NO_CHANNEL = ""
"""A load is no visit."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What all rows of a run have in common."""

    source: str
    id_prefix: str
    """With the number of the row behind it, the id of its interaction."""
    at_ms: int
    """As of when the rows are told: one time for all, so that a row that is sent again says the same."""


class Judge:
    def __init__(self, policy: LivePolicy, columns: Columns, origin: Origin, quality: Counting) -> None:
        self._policy = policy
        self._columns = columns
        self._origin = origin
        self._quality = quality
        self._zone = ZoneInfo(policy.ruleset.policy.policy.time_zone)
        self._readers = {
            column: (name, READERS[columns.types[name].type]) for column, name in columns.attributes.items()
        }

    def judge(self, row: Row | BadRow) -> Record | BadRow:
        """The record of a good row, which is counted by then."""
        if isinstance(row, BadRow):
            return row
        try:
            return self._record(row)
        except BadFields as refusal:
            reason = f"{refusal.reason} ({refusal.hint})" if refusal.hint else refusal.reason
            return BadRow(row.number, row.line, reason, row.values)
        except orjson.JSONEncodeError:
            return BadRow(row.number, row.line, "not UTF-8 text", row.values)

    def _record(self, row: Row) -> Record:
        typed = accepted(self._interaction(row), self._policy, self._origin.at_ms)
        record = record_of(typed)
        self._quality.take(typed.data)
        return record

    def _interaction(self, row: Row) -> Interaction:
        return Interaction(
            id=f"{self._origin.id_prefix}{row.number}",
            source=self._origin.source,
            type=IDENTIFY,
            subject=self._columns.subject(row.number, row.values),
            channel=NO_CHANNEL,
            at_ms=self._origin.at_ms,
            data=self._data(row.values),
        )

    def _data(self, values: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for column, value in values.items():
            reading = self._readers.get(column)
            if reading is None:
                self._columns.ignore(column)
            elif not is_empty(value):
                name, read = reading
                data[name] = read(value, self._zone)
        return data
