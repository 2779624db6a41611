"""The steps of a policy's life. Pure: from the book and what is wanted to the next book and what the log says of it.

Each raises a RequestError that says why it may not be taken.
"""

from dataclasses import dataclass, replace

from app.errors import Invalid, LiveChanged, NotApproved, SameEyes, UnknownRevision, WrongState
from app.lifecycle.book import Book, Scheduled, Who
from schemas.base import rfc3339
from schemas.revision import AuditStep, RevisionRecord

MOST_AHEAD_MS = 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be done."""

    revision: str
    who: Who
    now_ms: int
    note: str = ""
    seen: str | None = None
    """The revision that they take to be live."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken."""

    book: Book
    changed: tuple[RevisionRecord, ...]
    step: AuditStep
    revision: str
    who: Who
    note: str = ""
    before: str | None = None
    approved_by: str | None = None
    goes_live_ms: int | None = None

    def entry(self) -> dict[str, str]:
        """As the log has it: without what is not known."""
        goes_live = rfc3339(self.goes_live_ms) if self.goes_live_ms is not None else None
        told = {
            "step": self.step,
            "revision": self.revision,
            "who": self.who.name,
            "key": self.who.key,
            "from": self.before,
            "approved_by": self.approved_by,
            "goes_live": goes_live,
            "note": self.note,
        }
        return {name: value for name, value in told.items() if value}


def draft(book: Book, record: RevisionRecord, who: Who) -> Taken | None:
    """None if there is this revision already, whoever has drafted it."""
    if record.revision in book.records:
        return None
    return Taken(book, (record,), "drafted", record.revision, who, record.note)


def approve(book: Book, wish: Wish) -> Taken:
    record = _record(book, wish.revision)
    if record.approved:
        raise WrongState(f"{record.revision} is approved already, by {record.approved.by}.")
    if wish.who.key is None or record.drafted.key == wish.who.key or record.drafted.by == wish.who.name:
        raise SameEyes(f"{record.revision} was drafted by {record.drafted.by}: somebody else has to approve it.")
    approved = record.model_copy(update={"approved": wish.who.mark(wish.now_ms)})
    return Taken(book, (approved,), "approved", record.revision, wish.who, wish.note)


def publish(book: Book, wish: Wish, four_eyes: bool) -> Taken:
    """Makes it live at once; a time that it was scheduled for is void."""
    record = _publishable(book, wish, four_eyes)
    if record.revision == book.live:
        raise WrongState(f"{record.revision} is live already.")
    _same_ranks(book, record)
    return _live(replace(book, schedule=_without(book, record.revision)), record, wish)


def schedule(book: Book, wish: Wish, four_eyes: bool, at_ms: int) -> Taken:
    """Makes it live at that time; one that is scheduled already gets the new time."""
    record = _publishable(book, wish, four_eyes)
    if not wish.now_ms < at_ms <= wish.now_ms + MOST_AHEAD_MS:
        reason = f"`at` must be in the future, and at most a year ahead; it is {rfc3339(wish.now_ms)} now"
        raise Invalid(reason[0].upper() + reason[1:] + ".", errors=[{"field": "at", "reason": reason}])
    _same_ranks(book, record)
    following = sorted(
        [*_without(book, record.revision), Scheduled(at_ms, record.revision, wish.who)], key=lambda each: each.at_ms
    )
    scheduled = replace(book, schedule=tuple(following))
    return Taken(
        scheduled,
        (),
        "scheduled",
        record.revision,
        wish.who,
        wish.note,
        approved_by=record.approved.by if record.approved else None,
        goes_live_ms=at_ms,
    )


def due(book: Book, entry: Scheduled, now_ms: int, four_eyes: bool) -> Taken:
    """The time of an entry of the schedule has come. What was due before it never goes live; what may not go live now
    is taken off the schedule, and the log says why."""
    waiting = replace(book, schedule=tuple(each for each in book.schedule if each.at_ms > entry.at_ms))
    wish = Wish(entry.revision, entry.who, now_ms, f"scheduled for {rfc3339(entry.at_ms)}")
    record = _record(book, entry.revision)
    if why_not := _may_not(book, record, four_eyes):
        return Taken(waiting, (), "refused", entry.revision, entry.who, f"{wish.note}: {why_not}")
    return _live(waiting, record, wish)


def roll_back(book: Book, wish: Wish) -> Taken:
    """Makes a revision live again that was live. The one that was needs a new approval."""
    _expected(book, wish)
    record = _record(book, wish.revision)
    if record.revision == book.live:
        raise WrongState(f"{record.revision} is live already.")
    if record.live is None or record.rolled_back:
        why = "was rolled back itself" if record.rolled_back else "was never live"
        hint = "Have it approved, and publish it."
        raise WrongState(f"{record.revision} {why}: it cannot be gone back to.", hint=hint)
    _same_ranks(book, record)
    mark = wish.who.mark(wish.now_ms)
    given_up = _record(book, book.live or "").model_copy(update={"rolled_back": mark, "approved": None})
    again = record.model_copy(update={"live": mark})
    left = book.before[: book.before.index(record.revision)] if record.revision in book.before else book.before
    return Taken(
        replace(book, live=record.revision, before=left, schedule=_without(book, given_up.revision)),
        (given_up, again),
        "rolled_back",
        record.revision,
        wish.who,
        wish.note,
        before=book.live,
    )


def withdraw(book: Book, wish: Wish) -> Taken:
    """Takes a revision off the schedule, and its approval away."""
    record = _record(book, wish.revision)
    if not (record.approved or book.scheduled(record.revision)):
        raise WrongState(f"{record.revision} is neither approved nor scheduled: there is nothing to withdraw.")
    if record.revision == book.live and not book.scheduled(record.revision):
        raise WrongState(f"{record.revision} is live.", hint="Roll back, or publish another one.")
    kept = record.approved if record.revision == book.live else None
    withdrawn = record.model_copy(update={"approved": kept})
    left = replace(book, schedule=_without(book, record.revision))
    return Taken(left, (withdrawn,), "withdrawn", record.revision, wish.who, wish.note)


def _live(book: Book, record: RevisionRecord, wish: Wish) -> Taken:
    live = record.model_copy(update={"live": wish.who.mark(wish.now_ms), "rolled_back": None})
    before = (*book.before, book.live) if book.live else book.before
    return Taken(
        replace(book, live=record.revision, before=before),
        (live,),
        "live",
        record.revision,
        wish.who,
        wish.note,
        before=book.live,
        approved_by=record.approved.by if record.approved else None,
    )


def _publishable(book: Book, wish: Wish, four_eyes: bool) -> RevisionRecord:
    _expected(book, wish)
    record = _record(book, wish.revision)
    if four_eyes and not record.approved:
        raise NotApproved(f"{record.revision}, drafted by {record.drafted.by}, is not approved.")
    return record


def _expected(book: Book, wish: Wish) -> None:
    if wish.seen is not None and wish.seen != book.live:
        raise LiveChanged(f"{book.live or 'No policy'} is live, not {wish.seen}.")


def _record(book: Book, revision: str) -> RevisionRecord:
    if revision not in book.records:
        raise UnknownRevision(f"There is no policy with the revision {revision[:60]}.")
    return book.records[revision]


def previous(book: Book) -> str:
    """What a roll back goes to if nobody says: the last one that was live before, and was not rolled back."""
    kept = (each for each in reversed(book.before) if each in book.records and not book.records[each].rolled_back)
    found = next((each for each in kept if each != book.live), None)
    if found is None:
        raise WrongState(f"There is nothing to go back to: {book.live or 'no policy'} is live, and none was before.")
    return found


def _may_not(book: Book, record: RevisionRecord, four_eyes: bool) -> str | None:
    """Why a scheduled revision does not go live after all: much may have happened since."""
    if book.live == record.revision:
        return "it is live already"
    if four_eyes and not record.approved:
        return "it is not approved"
    return _ranked_otherwise(book, record)


def _without(book: Book, revision: str) -> tuple[Scheduled, ...]:
    return tuple(each for each in book.schedule if each.revision != revision)


def _same_ranks(book: Book, record: RevisionRecord) -> None:
    if reason := _ranked_otherwise(book, record):
        raise WrongState(f"{record.revision} cannot go live: {reason}.", hint="Rank them as the live policy does.")


def _ranked_otherwise(book: Book, record: RevisionRecord) -> str | None:
    """Who belongs to whom was judged by the ranks of identifiers: they stay as they are."""
    live = book.records[book.live].identifiers if book.live and book.live in book.records else ()
    wanted = [kind for kind in record.identifiers if kind in live]
    if wanted == [kind for kind in live if kind in wanted]:
        return None
    return f"`identifiers` are ranked otherwise than live ones, whose order is {', '.join(live)}"
