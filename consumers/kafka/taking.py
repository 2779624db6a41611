"""Takes records of Kafka into the logs of the shards, each exactly once (lua/take.lua).

How far a shard has come in each partition stands in its guard (`off:<topic>:<partition>`), and moves in the step that
appends. So two who take from one partition, a crash between any two steps or a rebalance double nothing: what is below
the position is left out. And whoever takes must know that nothing is missing: all from the shard's position on was read
by it. Where a failover has taken a position back, the step is refused, and the records are read again.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from consumers.kafka.decoding import Fate, Taken
from consumers.kafka.reading import Part
from consumers.meter import Meter
from profiles import keys
from profiles.store import CustomerStore

KEYS = {Fate.LOGGED: 2, Fate.REKEYED: 3, Fate.DEAD: 4}
"""Where the stream of each fate stands among the keys of the script, counted from 1."""


@lru_cache(maxsize=10_000)
def position_of(part: Part) -> str:
    """The field of the guards that says up to which offset of the partition (exclusive) a shard has taken."""
    topic, number = part
    return f"off:{topic}:{number}"


class Taking:
    """Every method raises StoreUnavailable: then it is not known what was taken, and the positions are to be learned
    again."""

    def __init__(self, store: CustomerStore, meter: Meter) -> None:
        self._store = store
        self._meter = meter
        self._known: dict[Part, list[int]] = {}
        """By partition how far each shard has come at least: all before it was taken."""
        self.waiting_ms = 0
        """For how long the oldest record that was taken has waited to be folded, of the shards asked last."""

    async def positions(self, parts: Iterable[Part]) -> dict[Part, list[int | None]]:
        """How far each shard has come in each of these; None where it has no position."""
        wanted, trip = list(parts), self._store.scripts.batch()
        for shard in range(self._store.shards if wanted else 0):
            trip.add("HMGET", keys.guard(shard), *map(position_of, wanted))
        answers = await trip.run()
        found = zip(*answers, strict=True) if answers else ()
        return {
            part: [None if each is None else int(each) for each in column]
            for part, column in zip(wanted, found, strict=False)
        }

    def know(self, positions: Mapping[Part, Sequence[int]]) -> None:
        """From now on these partitions are taken from, and no others."""
        self._known = {part: list(shards) for part, shards in positions.items()}

    async def begin(self, part: Part, start: int) -> None:
        """Gives the shards that have no position this one."""
        trip = self._store.scripts.batch()
        for shard in range(self._store.shards):
            trip.add("HSETNX", keys.guard(shard), position_of(part), str(start))
        await trip.run()

    async def go_on_from(self, part: Part, positions: Sequence[int | None], begin: int, end: int) -> int:
        """Moves the shards whose positions lie outside of what the log has to where it begins now, while nobody takes
        from the partition. Returns how many."""
        outside = [shard for shard, at in enumerate(positions) if not begin <= (at or 0) <= end]
        trip = self._store.scripts.batch()
        for shard in outside:
            trip.add("HSET", keys.guard(shard), position_of(part), str(begin))
        await trip.run()
        return len(outside)

    async def take(self, records: Iterable[Taken], read_to: Mapping[Part, int]) -> set[Part]:
        """`records`: all that was read of each partition since the last time, up to `read_to`. Returns the partitions
        of which something was lost: they are to be learned and read again."""
        by_shard: dict[int, list[Taken]] = {}
        for each in records:
            found = each.found
            if each.fate is Fate.FOLDED:
                continue  # the shard moves past it with what comes next, within a second
            if found.offset >= self._known[Part(found.topic, found.partition)][each.shard]:
                by_shard.setdefault(each.shard, []).append(each)
        return await self._run(by_shard, read_to)

    async def move_up(self, read_to: Mapping[Part, int]) -> set[Part]:
        """Moves all shards to where the partitions were read to, also those to which nothing has come. It notices, as
        `take` does, what was lost."""
        return await self._run({shard: [] for shard in range(self._store.shards)}, read_to)

    async def _run(self, by_shard: Mapping[int, Sequence[Taken]], read_to: Mapping[Part, int]) -> set[Part]:
        trip, asked = self._store.scripts.batch(), []
        for shard, records in by_shard.items():
            parts = list(dict.fromkeys(Part(each.found.topic, each.found.partition) for each in records) or read_to)
            asked.append((shard, parts))
            trip.call("take", self._keys(shard), self._args(shard, parts, records, read_to))
        await trip.flush()
        lost: set[Part] = set()
        self.waiting_ms = 0
        for (shard, parts), answer in zip(asked, await trip.run(), strict=True):
            if answer[0] == b"OK":
                self._took(shard, parts, read_to, *map(int, answer[1:]))
            else:
                lost |= self._lost(shard, parts, answer[1:])
        return lost

    def _keys(self, shard: int) -> list[str]:
        return [keys.guard(shard), self._store.log.key(shard), keys.rekeyed(shard), keys.dead_letters(shard)]

    def _args(
        self, shard: int, parts: Sequence[Part], records: Sequence[Taken], read_to: Mapping[Part, int]
    ) -> list[str | int | bytes]:
        args: list[str | int | bytes] = [self._store.log.position, len(parts)]
        for part in parts:
            args += (position_of(part), self._known[part][shard], read_to[part], *part)
        numbers = {part: number for number, part in enumerate(parts, start=1)}
        for each in records:
            found, said = each.found, each.record
            args += (KEYS[each.fate], numbers[Part(found.topic, found.partition)], found.offset)
            args += (said.id, said.subject, each.schema, said.body, found.at_ms, each.first_ms)
        return args

    def _took(
        self, shard: int, parts: Sequence[Part], read_to: Mapping[Part, int], taken: int, left: int, waiting_ms: int
    ) -> None:
        for part in parts:
            self._known[part][shard] = max(self._known[part][shard], read_to[part])
        self.waiting_ms = max(self.waiting_ms, waiting_ms)
        if taken:
            self._meter.count("intake_taken", taken)
        if left:
            self._meter.count("intake_replayed", left)

    def _lost(self, shard: int, parts: Sequence[Part], positions: Sequence[bytes]) -> set[Part]:
        found = dict(zip(parts, map(int, positions), strict=True))
        return {part for part, at in found.items() if at < self._known[part][shard]}
