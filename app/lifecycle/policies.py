"""What the API and the commands call: drafts that were checked, steps that somebody takes, and what is shown."""

from collections.abc import Mapping
from datetime import datetime

from app.beside import beside
from app.checking import Report
from app.errors import UnknownRevision
from app.lifecycle.book import Book, Who
from app.lifecycle.judging import Findings, Judged, differing, judged, misfits, refused
from app.lifecycle.running import Lifecycle
from app.lifecycle.steps import previous
from profiles.registry import Logged
from schemas.base import at_ms, rfc3339
from schemas.difference import PolicyDifferences
from schemas.revision import AuditEntry, AuditPage, RevisionContent, RevisionList, RevisionRecord, RevisionView

LIVE = "live"


class Policies:
    """Raises UnknownRevision, PolicyRefused, the errors of app/lifecycle/steps.py, and StoreUnavailable."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    async def draft(self, files: Mapping[str, str], who: Who, note: str = "") -> RevisionView:
        """Checks it first."""
        found = await beside(judged, files, await self._lifecycle.now_ms())
        return await self._keep(found, files, who, note)

    async def keep(self, report: Report, who: Who, note: str = "") -> RevisionView:
        """Drafts what was checked; what is there already stays as it is."""
        return await self._keep(Judged.of(report), report.files, who, note)

    async def _keep(self, found: Judged, files: Mapping[str, str], who: Who, note: str) -> RevisionView:
        heading = found.required()
        await self._lifecycle.draft(heading, files, [str(each) for each in found.findings], who, note)
        return await self.view(heading.revision)

    async def approve(self, revision: str, who: Who, note: str = "") -> RevisionView:
        await self._lifecycle.approve(revision, who, note)
        return await self.view(revision)

    async def waits(self, view: RevisionView) -> bool:
        """Whether it cannot go live before somebody else has approved it."""
        return view.approved is None and await self._lifecycle.four_eyes()

    async def publish(
        self, revision: str, who: Who, note: str = "", seen: str | None = None, at: datetime | None = None
    ) -> RevisionView:
        """At once, or at that time."""
        await self._require_fitting(revision)
        if at is None:
            await self._lifecycle.publish(revision, who, note, seen)
        else:
            await self._lifecycle.schedule(revision, who, at_ms(at), note, seen)
        return await self.view(revision)

    async def roll_back(self, revision: str | None, who: Who, note: str = "", seen: str | None = None) -> RevisionView:
        """To that revision, or to the one that was live before."""
        if revision is None:
            book = await self._lifecycle.book()
            revision, seen = previous(book), seen or book.live
        await self._require_fitting(revision)
        await self._lifecycle.roll_back(revision, who, note, seen)
        return await self.view(revision)

    async def withdraw(self, revision: str, who: Who, note: str = "") -> RevisionView:
        await self._lifecycle.withdraw(revision, who, note)
        return await self.view(revision)

    async def list(self) -> RevisionList:
        book = await self._lifecycle.book()
        latest = sorted(book.records.values(), key=lambda each: each.drafted.at, reverse=True)
        return RevisionList(
            revisions=tuple(_view(book, each) for each in latest), four_eyes=await self._lifecycle.four_eyes()
        )

    async def view(self, revision: str) -> RevisionView:
        book = await self._lifecycle.book()
        record = book.records.get((book.live or "") if revision == LIVE else revision)
        if record is None:
            raise UnknownRevision(_no_such(revision))
        return _view(book, record)

    async def content(self, revision: str) -> RevisionContent:
        view = await self.view(revision)
        return RevisionContent(**view.model_dump(), files=await self._lifecycle.files(view.revision))

    async def audit(self, after: str | None, limit: int) -> AuditPage:
        """Behind the cursor, from the oldest on; the last page with `limit` entries where there is none."""
        found = await (self._lifecycle.logged(after, limit) if after else self._lifecycle.logged_last(limit))
        return AuditPage(entries=tuple(map(_entry, found)), cursor=found[-1].cursor if found else after)

    async def files(self, revision: str) -> dict[str, str]:
        named = (await self._lifecycle.followed()).live if revision == LIVE else revision
        files = await self._lifecycle.files(named or "")
        if not files:
            raise UnknownRevision(_no_such(revision))
        return files

    async def diff(self, before: str, after: str) -> PolicyDifferences:
        """Raises PolicyRefused if one cannot be understood any more."""
        return understood(await beside(differing, await self.files(before), await self.files(after)))

    async def _require_fitting(self, revision: str) -> None:
        """It was checked when it was drafted; the program may be another one by now."""
        findings = await beside(misfits, await self.files(revision))
        if findings is not None:
            raise refused(findings)


def understood(found: PolicyDifferences | Findings) -> PolicyDifferences:
    if not isinstance(found, PolicyDifferences):
        raise refused(found)
    return found


def _no_such(revision: str) -> str:
    return "No policy is live." if revision == LIVE else f"There is no policy with the revision {revision[:60]}."


def _view(book: Book, record: RevisionRecord) -> RevisionView:
    scheduled = book.scheduled(record.revision)
    goes_live = rfc3339(scheduled.at_ms) if scheduled else None
    return RevisionView(**record.model_dump(), state=book.state(record), goes_live=goes_live)


def _entry(logged: Logged) -> AuditEntry:
    return AuditEntry.model_validate({**logged.values, "cursor": logged.cursor, "at": rfc3339(logged.at_ms)})
