"""Guarded batches of several shards that share their round trips: one for all that begin, one for all that they commit.

A shard has few records where little is on its way, and a round trip of its own for each costs more than folding them.
Nothing else is shared: each batch has its own guard, nonce and END.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from consumers.guarded_batch import Fold, GuardedBatch, Shard
from profiles.store import CustomerStore

MOST_TOGETHER = 200
"""Records, about: so that Redis has something to do while those of the next group are folded."""


class Together:
    """To be dropped in the end, whatever has happened."""

    def __init__(self, store: CustomerStore, batches: Sequence[GuardedBatch]) -> None:
        self._batches = batches
        self._begin = store.scripts.batch()
        self._commit = store.scripts.batch()
        self.begun: list[GuardedBatch] = []

    async def begin(self, shards: Mapping[int, Shard]) -> None:
        """Sends BEGIN of each. Raises StoreUnavailable, as all of this does."""
        for each in self._batches:
            each.begin(self._begin, shards[each.number])
        await self._begin.flush()

    async def refused(self) -> list[GuardedBatch]:
        """Those whose guard was not as this worker left it; the others have begun."""
        answers = iter(await self._begin.run())
        found = [(each, await each.begun(answers)) for each in self._batches]
        self.begun = [each for each, is_begun in found if is_begun]
        return [each for each, is_begun in found if not is_begun]

    async def apply(self, fold: Fold, trims: Mapping[int, int | None]) -> None:
        """Folds those that have begun and sends what they commit. `trims`: by shard, what is trimmed before."""
        for each in self.begun:
            await each.apply(self._commit, fold, trims[each.number])
        await self._commit.flush()

    async def closed(self) -> Iterator[tuple[GuardedBatch, bool]]:
        """Of each that has begun, whether its END has moved the position."""
        answers = iter(await self._commit.run())
        return ((each, each.closed(answers)) for each in list(self.begun))

    async def drop(self) -> None:
        """Gives up what is on its way."""
        await self._begin.drop()
        await self._commit.drop()


def groups(batches: Iterable[GuardedBatch], most: int = MOST_TOGETHER) -> list[list[GuardedBatch]]:
    """In the same order."""
    found: list[list[GuardedBatch]] = []
    room = 0
    for each in batches:
        if room <= 0:
            found.append([])
            room = most
        found[-1].append(each)
        room -= len(each.records)
    return found
