"""What the API and the commands call: drafts that were checked, steps that somebody takes, and what is shown."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from app.beside import beside
from app.checking import Report, check_files
from app.errors import PolicyRefused, UnknownRevision
from app.lifecycle.book import Book, Who
from app.lifecycle.running import Lifecycle
from app.lifecycle.steps import previous
from consumers.live import LivePolicy
from profiles.registry import Logged
from rules.differences import differences
from rules.policy import Checked, Finding, check
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
        now_ms = await self._lifecycle.now_ms()
        return await self.keep(await beside(lambda: check_files(files, now_ms)), who, note)

    async def keep(self, report: Report, who: Who, note: str = "") -> RevisionView:
        """Drafts what was checked; what is there already stays as it is."""
        if report.policy is None or not report.ok:
            raise refused([each for each in report.findings if each.severity == "error"])
        warnings = [str(each) for each in report.findings]
        await self._lifecycle.draft(report.policy, report.files, warnings, who, note)
        return await self.view(report.policy.revision)

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

    async def checked(self, revision: str) -> Checked:
        """The files of a revision, read again. Raises PolicyRefused if they cannot be understood any more."""
        named = (await self._lifecycle.followed()).live if revision == LIVE else revision
        files = await self._lifecycle.files(named or "")
        if not files:
            raise UnknownRevision(_no_such(revision))
        checked = await beside(lambda: check(files))
        if checked.policy is None:
            raise refused(checked.findings)
        return checked

    async def diff(self, before: str, after: str) -> PolicyDifferences:
        return await asyncio.to_thread(compared, await self.checked(before), await self.checked(after))

    async def _require_fitting(self, revision: str) -> None:
        """It was checked when it was drafted; the program may be another one by now."""
        checked = await self.checked(revision)
        try:
            await beside(lambda: LivePolicy.compiled(checked))
        except ValueError as cause:
            raise refused(checked.findings) from cause


def compared(before: Checked, after: Checked) -> PolicyDifferences:
    """Of two that are understood."""
    assert before.policy is not None
    assert after.policy is not None
    found = tuple(differences(before.policy, after.policy))
    return PolicyDifferences(before=before.revision, after=after.revision, differences=found)


def refused(findings: "list[Finding] | tuple[Finding, ...]") -> PolicyRefused:
    """With the place of each."""
    return PolicyRefused(
        errors=[
            {"file": each.position.file, "line": each.position.line, "column": each.position.column,
             "reason": each.message, **({"hint": each.hint} if each.hint else {})}
            for each in findings
        ]
    )  # fmt: skip


def _no_such(revision: str) -> str:
    return "No policy is live." if revision == LIVE else f"There is no policy with the revision {revision[:60]}."


def _view(book: Book, record: RevisionRecord) -> RevisionView:
    scheduled = book.scheduled(record.revision)
    goes_live = rfc3339(scheduled.at_ms) if scheduled else None
    return RevisionView(**record.model_dump(), state=book.state(record), goes_live=goes_live)


def _entry(logged: Logged) -> AuditEntry:
    return AuditEntry.model_validate({**logged.values, "cursor": logged.cursor, "at": rfc3339(logged.at_ms)})
