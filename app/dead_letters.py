"""Dead letters for operators: looked at, put back once their cause is mended, dropped."""

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from app.errors import StartError
from app.putting_back import CannotGoBack, record_of
from consumers.live import LivePolicy
from profiles.dead_letters import DeadLetterStreams, Letter, LetterId, PutBack
from profiles.store import CustomerStore
from schemas.base import rfc3339
from schemas.dead_letter import DeadLetterList, DeadLetterView, Reason

MOST_SHOWN = 5
"""Letters that could not go back, with the reason; of the others the number."""
LIST = "`opportune dead-letters list` shows those there are"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; whatever is None does not matter."""

    topic: str | None = None
    reason: str | None = None
    subject: str | None = None
    since_ms: int = 0
    """When it became a letter, at the earliest."""

    def fits(self, letter: Letter) -> bool:
        asked = ((self.topic, letter.what.topic), (self.reason, letter.what.reason), (self.subject, letter.subject))
        return all(value is None or value == found for value, found in asked)


@dataclass(slots=True)
class Retried:
    put_back: int = 0
    erased: int = 0
    """Of somebody who is being erased: they go by themselves."""
    gone: int = 0
    """Somebody else has put them back or dropped them meanwhile."""
    refused: list[tuple[LetterId, str]] = field(default_factory=list)
    """The first of those that cannot go back, and why."""
    refusals: int = 0

    def refuse(self, letter: Letter, why: str) -> None:
        self.refusals += 1
        if len(self.refused) < MOST_SHOWN:
            self.refused.append((letter.id, why))


class DeadLetters:
    """Every method raises StoreUnavailable."""

    def __init__(self, store: CustomerStore) -> None:
        self._streams = DeadLetterStreams(store)

    async def newest(self, wanted: Wanted, limit: int, before: LetterId | None = None) -> DeadLetterList:
        """The newest that fit, older than `before`; counts are of all that fit."""
        kept: list[Letter] = []
        counts, older = Counter[Reason](), 0
        for shard in self._streams.shards_of(wanted.subject):
            async for page in self._streams.newest_first(shard, wanted.since_ms):
                fitting = [each for each in page if wanted.fits(each)]
                counts.update(each.what.reason for each in fitting)
                fitting = [each for each in fitting if before is None or each.id < before]
                older += len(fitting)
                kept = heapq.nlargest(limit, [*kept, *fitting], key=lambda each: each.id)
        views = tuple(map(view, kept))
        return DeadLetterList(letters=views, counts=dict(counts.most_common()), more=older > len(kept))

    async def find(self, wanted: Sequence[LetterId]) -> list[Letter]:
        """All of them. Raises StartError if one is missing."""
        found = await self._streams.find(wanted)
        missing = sorted(set(wanted) - {each.id for each in found})
        if missing:
            raise StartError(f"there is no dead letter {', '.join(map(str, missing))}", hint=LIST)
        return found

    async def fitting(self, wanted: Wanted) -> AsyncIterator[list[Letter]]:
        """All that fit and are there now, page by page; those of a customer oldest first."""
        ends = await self._streams.ends(self._streams.shards_of(wanted.subject))
        for shard, end in ends.items():
            async for page in self._streams.oldest_first(shard, wanted.since_ms, end):
                yield [each for each in page if wanted.fits(each)]

    async def put_back(self, letters: Iterable[Letter], policy: LivePolicy | None, retried: Retried) -> None:
        """`policy`: the live one. Adds what came of it to `retried`."""
        going = []
        for letter in letters:
            try:
                going.append((letter, record_of(letter, policy)))
            except CannotGoBack as cause:
                retried.refuse(letter, str(cause))
        for answer in await self._streams.put_back(going):
            retried.put_back += answer is PutBack.OK
            retried.gone += answer is PutBack.GONE
            retried.erased += answer is PutBack.ERASED

    async def drop(self, letters: Iterable[Letter]) -> int:
        """Returns how many there still were."""
        return await self._streams.drop([each.id for each in letters])


def view(letter: Letter) -> DeadLetterView:
    return DeadLetterView(
        id=str(letter.id),
        dead=rfc3339(letter.id.ms),
        record_id=letter.record_id,
        subject=letter.subject or None,
        **letter.what.model_dump(),
    )
