"""For how long nothing was folded in a shard, though clients go on all the time, and what it was waiting for then."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from profiles import keys
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore
from tests.faults.rig import SHARDS, Rig

LOOK_EVERY_S = 0.05


@dataclass
class _Standing:
    position: int
    since_s: float


class Pauses:
    def __init__(self) -> None:
        self.longest_s = 0.0
        self._waited_for = "nothing"

    def __str__(self) -> str:
        return f"{self.longest_s:.1f} s, then waiting for {self._waited_for}"

    async def watch(self, rig: Rig) -> None:
        async with rig.connected() as redis:
            store = await CustomerStore.open(redis, SHARDS, log=TAKEN_IN)
            standing: dict[int, _Standing] = {}
            while True:
                trip = store.scripts.batch()
                for shard in range(SHARDS):
                    trip.add("HGET", keys.guard(shard), TAKEN_IN.position)
                    trip.add("XREVRANGE", TAKEN_IN.key(shard), "+", "-", "COUNT", 1)
                    trip.add("XLEN", keys.outbox(shard))
                answers = await trip.run()
                for shard in range(SHARDS):
                    self._note(standing, shard, *answers[3 * shard : 3 * shard + 3])
                await asyncio.sleep(LOOK_EVERY_S)

    def _note(self, standing: dict[int, _Standing], shard: int, folded: bytes | None, last: Any, waiting: int) -> None:
        now, position = time.monotonic(), int(folded or 0)
        before = standing.setdefault(shard, _Standing(position, now))
        if now - before.since_s > self.longest_s:
            self.longest_s = now - before.since_s
            self._waited_for = _what_is_next(position, last, waiting)
        if position != before.position:
            standing[shard] = _Standing(position, now)


def _what_is_next(position: int, last: Any, waiting: int) -> str:
    ms, _, number = last[0][0].partition(b"-") if last else (b"0", b"", b"0")
    if (int(ms) << 20) + int(number) > position:
        return "the fold"
    return "the intake, and the relay" if waiting else "the intake"
