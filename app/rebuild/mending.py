"""Compares the two namespaces of a shard that is held, and puts the rebuilt in the place of the live."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from app.rebuild.comparing import Fields, count_differences, differences, timer_differences, with_mark, with_pending
from app.rebuild.hold import Hold, Lost
from app.rebuild.report import Report
from app.rebuild.second import SPACE
from profiles import keys
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore

MOST_AT_ONCE = 100
MOST_ATTEMPTS = 50
MOST_ADJUSTED = 500


class Mending:
    """`swap`: whether to mend or only to compare."""

    def __init__(self, store: CustomerStore, shard: int, hold: Hold, report: Report, swap: bool) -> None:
        self._store = store
        self._shard = shard
        self._hold = hold
        self._report = report
        self._swap = swap

    async def customers(self, subjects: Iterable[str]) -> None:
        waiting = iter(sorted(subjects))
        while some := list(islice(waiting, MOST_AT_ONCE)):
            await self._hold.renew()
            self._report.customers += len(some)
            found = await self._differing(some)
            for subject, (live, rebuilt) in found.items():
                self._report.add_customer(subject, differences(live, rebuilt))
            if self._swap:
                await self._mend(found)

    async def _differing(self, subjects: Sequence[str]) -> dict[str, tuple[Fields, Fields]]:
        trip = self._store.scripts.batch()
        for subject in subjects:
            trip.add("HGETALL", keys.customer(self._shard, subject))
            trip.add("HGETALL", keys.customer(self._shard, subject, SPACE))
        answers = await trip.run()
        pairs = zip(subjects, zip(answers[::2], answers[1::2], strict=True), strict=True)
        return {subject: pair for subject, pair in pairs if differences(*pair)}

    async def _mend(self, found: Mapping[str, tuple[Fields, Fields]]) -> None:
        """One whom the API changes meanwhile is compared and mended again."""
        waiting = dict(found)
        for _ in range(MOST_ATTEMPTS):
            if not waiting:
                return
            again = await self._mend_once(waiting)
            self._report.mended += len(waiting) - len(again)
            waiting = await self._differing(again)
        raise Lost(f"{len(waiting)} customers of shard {self._shard} are changed all the time")

    async def _mend_once(self, waiting: Mapping[str, tuple[Fields, Fields]]) -> list[str]:
        trip = self._store.scripts.batch()
        for subject, (live, rebuilt) in waiting.items():
            where = [keys.customer(self._shard, subject, space) for space in (keys.LIVE, SPACE)]
            version = live.get(b"version", b"0")
            marked = with_mark(rebuilt, self._hold.position) if self._store.log is TAKEN_IN else b""
            args = [self._hold.nonce, version, secrets.token_hex(3), with_pending(live, rebuilt), marked]
            trip.call("mend", [keys.guard(self._shard), *where], args)
        results = dict(zip(waiting, [answer[0] for answer in await trip.run()], strict=True))
        if b"FENCED" in results.values():
            raise Lost(f"shard {self._shard} was taken back")
        return [subject for subject, result in results.items() if result == b"CONFLICT"]

    async def timers(self, fired: set[str]) -> None:
        live, rebuilt = await self._both("ZRANGE", keys.timers, 0, -1, "WITHSCORES")
        due = {member.decode(): int(at) for member, at in live}
        should = {member.decode(): int(at) for member, at in rebuilt if f"{member.decode()}@{int(at)}" not in fired}
        found = timer_differences(due, should, int(time.time() * 1000))
        self._report.timers += len(found)
        for member, (one, other) in found.items():
            self._report.add_sample(f"timer {member}", "due", one, other)
        await self._adjust([(member, _text(one), _text(other)) for member, (one, other) in found.items()], ())

    async def scorecard(self, is_complete: bool) -> None:
        """`is_complete`: nobody was erased. Else a count above what the log explains may be of somebody erased."""
        live, rebuilt = await self._both("HGETALL", keys.scorecard)
        found = count_differences(_counts(live), _counts(rebuilt))
        wrong = {name: pair for name, pair in found.items() if is_complete or pair[0] < pair[1]}
        self._report.counts += len(wrong)
        self._report.counts_kept += len(found) - len(wrong)
        for name, (one, other) in wrong.items():
            self._report.add_sample(f"count {name}", "value", one, other)
        await self._adjust((), [(name, other) for name, (_, other) in wrong.items()])

    async def _adjust(self, timers: Sequence[tuple[str, str, str]], counts: Sequence[tuple[str, int]]) -> None:
        where = [keys.guard(self._shard), keys.timers(self._shard), keys.scorecard(self._shard)]
        for start in range(0, max(len(timers), len(counts)) if self._swap else 0, MOST_ADJUSTED):
            args: list[Any] = [self._hold.nonce]
            for some in (timers[start : start + MOST_ADJUSTED], counts[start : start + MOST_ADJUSTED]):
                args.extend((len(some), *(word for each in some for word in each)))
            trip = self._store.scripts.batch()
            trip.call("adjust", where, args)
            (answer,) = await trip.run()
            if answer[0] != b"OK":
                raise Lost(f"shard {self._shard} was taken back")

    async def _both(self, command: str, key: Callable[[int, str], str], *args: Any) -> tuple[Any, Any]:
        await self._hold.renew()
        trip = self._store.scripts.batch()
        for space in (keys.LIVE, SPACE):
            trip.add(command, key(self._shard, space), *args)
        live, rebuilt = await trip.run()
        return live, rebuilt


def _counts(answer: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in answer.items()}


def _text(due: int | None) -> str:
    return "" if due is None else str(due)
