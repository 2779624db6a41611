"""Decisions run again from their records and compared, bit for bit: one, or all that are kept of a time.

`all_of` looks at the records page by page and holds no more than one page of them. Redis finds the keys by a scan: one
that it shows twice, as it may while it grows, is replayed twice.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.errors import NotKept, RequestError
from app.explaining import Records, known_model, read
from app.past import PastPolicies
from profiles.store import CustomerStore
from rules.arbitration import Models
from rules.replay import Difference, differences, replayed
from schemas.base import at_ms
from schemas.decision import DecisionRecord

SCANNED_AT_ONCE = 1_000
READ_AT_ONCE = 100
MOST_LISTED = 1_000
TELL_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision."""

    decision: str
    at: str
    policy: str
    differences: tuple[Difference, ...] = ()
    refused: str = ""
    """Why it could not be decided again."""

    @property
    def same(self) -> bool:
        return not (self.differences or self.refused)

    def as_json(self) -> dict[str, object]:
        found = [{"field": e.field, "recorded": e.recorded, "replayed": e.replayed} for e in self.differences]
        named = {"decision": self.decision, "at": self.at, "policy": self.policy, "same": self.same}
        return {**named, "differences": found, **({"refused": self.refused} if self.refused else {})}


@dataclass(slots=True)
class Report:
    """Of many. `listed` has the first of those that are not the same."""

    same: int = 0
    differing: int = 0
    not_replayed: int = 0
    by_policy: dict[str, int] = field(default_factory=dict)
    listed: list[Replayed] = field(default_factory=list)

    @property
    def decisions(self) -> int:
        return self.same + self.differing + self.not_replayed

    def add(self, found: Replayed) -> None:
        self.by_policy[found.policy] = self.by_policy.get(found.policy, 0) + 1
        if found.same:
            self.same += 1
            return
        if found.refused:
            self.not_replayed += 1
        else:
            self.differing += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(found)

    def as_json(self) -> dict[str, object]:
        counts = {"decisions": self.decisions, "same": self.same, "differing": self.differing}
        listed = [each.as_json() for each in self.listed]
        return {**counts, "not_replayed": self.not_replayed, "by_policy": self.by_policy, "listed": listed}


class Replaying:
    def __init__(self, store: CustomerStore, past: PastPolicies, models: Models) -> None:
        self._store = store
        self._records = Records(store)
        self._past = past
        self._models = models

    async def one(self, decision: str) -> Replayed:
        """Raises NotFound and StoreUnavailable."""
        return await self._replayed(await self._records.read(decision))

    async def all_of(self, since_ms: int, until_ms: int, tell: Callable[[str], None]) -> Report:
        """Of every decision from `since_ms` and before `until_ms`; `tell` is given a line now and then.

        Raises StoreUnavailable.
        """
        report, told = Report(), time.monotonic()
        async for page in self._pages():
            for name, body in page.items():
                await self._add(name, body, range(since_ms, until_ms), report)
            if time.monotonic() - told >= TELL_EVERY_S:
                told = time.monotonic()
                tell(f"{report.decisions:,} decisions replayed, {report.differing:,} differ")
        return report

    async def _add(self, name: str, body: bytes, wanted: range, report: Report) -> None:
        try:
            recorded = read(name, body)
        except NotKept as cause:
            report.add(Replayed(name, "", "", refused=cause.problem.detail))
            return
        if at_ms(datetime.fromisoformat(recorded.at)) in wanted:
            report.add(await self._replayed(recorded))

    async def _replayed(self, recorded: DecisionRecord) -> Replayed:
        named = Replayed(recorded.decision, recorded.at, recorded.policy)
        try:
            ruleset = await self._past.ruleset(recorded.policy)
            again = replayed(recorded, ruleset, known_model(self._models, recorded))
        except RequestError as cause:
            return Replayed(named.decision, named.at, named.policy, refused=cause.problem.detail)
        except (ValueError, TypeError, KeyError, AttributeError) as cause:
            refused = f"The facts of the record do not fit its policy: {cause}"
            return Replayed(named.decision, named.at, named.policy, refused=refused)
        return Replayed(named.decision, named.at, named.policy, differences(recorded, again))

    async def _pages(self) -> AsyncIterator[dict[str, bytes]]:
        cursor = 0
        while True:
            cursor, names = await self._scanned(cursor)
            for start in range(0, len(names), READ_AT_ONCE):
                yield await self._read(names[start : start + READ_AT_ONCE])
            if cursor == 0:
                return

    async def _scanned(self, cursor: int) -> tuple[int, Sequence[bytes]]:
        trip = self._store.scripts.batch()
        trip.add("SCAN", cursor, "MATCH", "{s*}d:*", "COUNT", SCANNED_AT_ONCE)
        ((following, names),) = await trip.run()
        return int(following), [each for each in names if each.partition(b"}")[2].startswith(b"d:")]

    async def _read(self, names: Sequence[bytes]) -> dict[str, bytes]:
        """By decision, of those that have not expired meanwhile."""
        trip = self._store.scripts.batch()
        for name in names:
            trip.add("GET", name)
        found = zip(names, await trip.run(), strict=True)
        return {name.partition(b"}d:")[2].decode(): body for name, body in found if body is not None}
