"""Takes steps: reads the book, takes the step, and writes the next book with the log's entry, all of it or nothing.

A change that somebody else has made meanwhile is met by looking again: two who approve, or one who publishes while
another rolls back, happen one after the other, and each is judged by what it finds.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence

import orjson

from app.keys import KeyStore
from app.lifecycle import steps
from app.lifecycle.book import FOLLOWED, Book, Heading, Scheduled, Who, opened, written
from app.lifecycle.steps import Taken, Wish
from profiles.errors import TooMuchContention
from profiles.registry import Logged, Registry
from schemas.revision import AuditStep, Mark, RevisionRecord

POLICY, FILES, APPROVE = "policy", "policies", "approve"
MOST_TRIES = 50


class Lifecycle:
    """Raises the RequestErrors of `steps`, and StoreUnavailable."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def four_eyes(self) -> bool:
        """Whether drafts need somebody else's approval: as soon as there is somebody who can approve."""
        return bool(await self.approvers())

    async def approvers(self) -> list[str]:
        return await KeyStore(self._registry).holders(APPROVE)

    async def now_ms(self) -> int:
        """By the clock of Redis, which all processes share."""
        return await self._registry.now_ms()

    async def followed(self) -> Book:
        """What is live and what is scheduled, without the rest."""
        return opened(await self._registry.some(POLICY, FOLLOWED))

    async def book(self) -> Book:
        return opened(await self._registry.all(POLICY))

    async def files(self, revision: str) -> dict[str, str]:
        """Empty if there is no such revision."""
        found = await self._registry.get(FILES, revision)
        return {} if found is None else dict(orjson.loads(found))

    async def logged(self, after: str | None, count: int) -> list[Logged]:
        return await self._registry.logged(POLICY, after, count)

    async def logged_last(self, count: int) -> list[Logged]:
        return await self._registry.logged_last(POLICY, count)

    async def draft(
        self, heading: Heading, files: Mapping[str, str], warnings: Sequence[str], who: Who, note: str = ""
    ) -> bool:
        """Keeps a policy that was checked. False if there is this revision already."""
        await self._registry.put_new(FILES, heading.revision, orjson.dumps(dict(files)))
        drafted = who.mark(await self.now_ms())
        record = _record(heading, drafted, note, warnings)
        return await self._take(lambda book: steps.draft(book, record, who)) is not None

    async def approve(self, revision: str, who: Who, note: str = "") -> None:
        wish = Wish(revision, who, await self.now_ms(), note)
        await self._take(lambda book: steps.approve(book, wish))

    async def publish(self, revision: str, who: Who, note: str = "", seen: str | None = None) -> None:
        wish, four_eyes = Wish(revision, who, await self.now_ms(), note, seen), await self.four_eyes()
        await self._take(lambda book: steps.publish(book, wish, four_eyes))

    async def schedule(self, revision: str, who: Who, at_ms: int, note: str = "", seen: str | None = None) -> None:
        wish, four_eyes = Wish(revision, who, await self.now_ms(), note, seen), await self.four_eyes()
        await self._take(lambda book: steps.schedule(book, wish, four_eyes, at_ms))

    async def promote(self, entry: Scheduled) -> None:
        """Its time has come. Harmless where another process was first."""
        now_ms, four_eyes = await self.now_ms(), await self.four_eyes()

        def step(book: Book) -> Taken | None:
            return steps.due(book, entry, now_ms, four_eyes) if entry in book.schedule else None

        await self._take(step)

    async def roll_back(self, revision: str, who: Who, note: str = "", seen: str | None = None) -> None:
        """To a revision that was live."""
        wish = Wish(revision, who, await self.now_ms(), note, seen)
        await self._take(lambda book: steps.roll_back(book, wish))

    async def withdraw(self, revision: str, who: Who, note: str = "") -> None:
        wish = Wish(revision, who, await self.now_ms(), note)
        await self._take(lambda book: steps.withdraw(book, wish))

    async def told(self, step: AuditStep, who: Who, note: str) -> None:
        """Logs what changes who may do what."""
        await self._take(lambda book: Taken(book, (), step, "", who, note))

    async def _take(self, step: Callable[[Book], Taken | None]) -> Taken | None:
        """None if the step changes nothing."""
        for _ in range(MOST_TRIES):
            book = await self.book()
            taken = step(book)
            if taken is None:
                return None
            values = written(taken.book, taken.changed)
            if await self._registry.change(POLICY, book.version, secrets.token_hex(8), values, taken.entry()):
                return taken
        raise TooMuchContention("the life of policies")


def _record(heading: Heading, drafted: Mark, note: str, warnings: Sequence[str]) -> RevisionRecord:
    return RevisionRecord(
        revision=heading.revision,
        name=heading.name,
        note=note,
        drafted=drafted,
        warnings=tuple(warnings),
        identifiers=heading.identifiers,
    )
