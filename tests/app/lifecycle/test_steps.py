"""The steps of a policy's life, alone and in any order."""

import random
from collections.abc import Callable

import pytest

from app.errors import Invalid, LiveChanged, NotApproved, RequestError, SameEyes, UnknownRevision, WrongState
from app.lifecycle import steps
from app.lifecycle.book import Book, Who, opened, written
from app.lifecycle.steps import Taken, Wish
from schemas.base import rfc3339
from schemas.revision import RevisionRecord

ANN, BOB, TERMINAL = Who("ann", "k1"), Who("bob", "k2"), Who("root@host")
NOW = 1_800_000_000_000
A, B, C = "a" * 16, "b" * 16, "c" * 16
RANKED = ("customer", "phone", "visitor")


def record(revision: str = A, who: Who = ANN, identifiers: tuple[str, ...] = RANKED) -> RevisionRecord:
    return RevisionRecord(revision=revision, name="shop", drafted=who.mark(NOW), identifiers=identifiers)


def after(book: Book, taken: Taken | None) -> Book:
    """As the next one reads it."""
    if taken is None:
        return book
    fields = {name: value.encode() for name, value in written(taken.book, taken.changed).items()}
    kept = {f"revision:{name}": each.model_dump_json().encode() for name, each in book.records.items()}
    return opened({**kept, **fields, "version": str(book.version + 1).encode()})


def drafted(*revisions: str, who: Who = ANN) -> Book:
    book = Book()
    for each in revisions:
        book = after(book, steps.draft(book, record(each, who), who))
    return book


def wish(revision: str = A, who: Who = ANN, now_ms: int = NOW, seen: str | None = None) -> Wish:
    return Wish(revision, who, now_ms, "why", seen)


def published(book: Book, revision: str) -> Book:
    return after(book, steps.publish(book, wish(revision), four_eyes=False))


def state(book: Book, revision: str = A) -> str:
    return book.state(book.records[revision])


def test_from_a_draft_to_live_and_back() -> None:
    book = drafted(A, B)
    assert state(book) == "draft"
    book = after(book, steps.approve(book, wish(who=BOB)))
    assert state(book) == "approved"
    book = after(book, steps.publish(book, wish(), four_eyes=True))
    assert (state(book), book.live) == ("live", A)
    book = after(book, steps.approve(book, wish(B, BOB)))
    book = after(book, steps.publish(book, wish(B), four_eyes=True))
    assert (state(book), state(book, B), book.before) == ("retired", "live", (A,))
    taken = steps.roll_back(book, wish(steps.previous(book)))
    assert (taken.before, taken.revision, taken.note) == (B, A, "why")
    book = after(book, taken)
    assert (state(book), state(book, B), book.before) == ("live", "rolled_back", ())


def test_nobody_approves_their_own_draft() -> None:
    book = drafted(A)
    for who in (ANN, Who("ann", "another key of hers"), Who("ann b.", "k1"), TERMINAL):
        with pytest.raises(SameEyes):
            steps.approve(book, wish(who=who))
    assert steps.approve(book, wish(who=BOB)).step == "approved"


def test_a_second_approval_says_who_was_first() -> None:
    book = drafted(A)
    book = after(book, steps.approve(book, wish(who=BOB)))
    with pytest.raises(WrongState, match="by bob"):
        steps.approve(book, wish(who=Who("eve", "k3")))


def test_where_four_eyes_are_needed_nothing_goes_live_without_approval() -> None:
    book = drafted(A)
    with pytest.raises(NotApproved):
        steps.publish(book, wish(), four_eyes=True)
    with pytest.raises(NotApproved):
        steps.schedule(book, wish(), four_eyes=True, at_ms=NOW + 1)
    assert steps.publish(book, wish(), four_eyes=False).approved_by is None


def test_what_was_rolled_back_needs_a_new_approval_and_is_nowhere_to_go_back_to() -> None:
    book = drafted(A, B)
    for each in (A, B):
        book = after(book, steps.approve(book, wish(each, BOB)))
        book = after(book, steps.publish(book, wish(each), four_eyes=True))
    book = after(book, steps.roll_back(book, wish(A)))
    with pytest.raises(NotApproved):
        steps.publish(book, wish(B), four_eyes=True)
    with pytest.raises(WrongState, match="rolled back itself"):
        steps.roll_back(book, wish(B))
    book = after(book, steps.approve(book, wish(B, BOB)))
    assert state(book, B) == "approved"
    book = after(book, steps.publish(book, wish(B), four_eyes=True))
    assert (state(book, B), book.records[B].rolled_back) == ("live", None)


def test_going_back_twice_goes_further_back() -> None:
    book = drafted(A, B, C)
    for each in (A, B, C):
        book = published(book, each)
    for expected in (B, A):
        book = after(book, steps.roll_back(book, wish(steps.previous(book))))
        assert book.live == expected
    with pytest.raises(WrongState, match="nothing to go back to"):
        steps.previous(book)


def test_going_back_to_one_that_is_named_forgets_what_was_between() -> None:
    book = drafted(A, B, C)
    for each in (A, B, C):
        book = published(book, each)
    book = after(book, steps.roll_back(book, wish(A)))
    assert (book.live, book.before) == (A, ())
    with pytest.raises(WrongState, match="was never live"):
        steps.roll_back(published(drafted(A, B), A), wish(B))


def test_who_takes_another_policy_to_be_live_is_told() -> None:
    book = published(drafted(A, B), A)
    with pytest.raises(LiveChanged, match=A):
        steps.publish(book, wish(B, seen=C), four_eyes=False)
    with pytest.raises(LiveChanged, match=A):
        steps.roll_back(book, wish(B, seen=C))
    assert steps.publish(book, wish(B, seen=A), four_eyes=False).revision == B


def test_a_time_must_be_ahead_and_can_be_moved() -> None:
    book = drafted(A, B)
    for at_ms in (NOW, NOW - 1, NOW + 400 * 86_400_000):
        with pytest.raises(Invalid, match="in the future"):
            steps.schedule(book, wish(), four_eyes=False, at_ms=at_ms)
    book = after(book, steps.schedule(book, wish(B), four_eyes=False, at_ms=NOW + 50))
    taken = steps.schedule(book, wish(), four_eyes=False, at_ms=NOW + 90)
    assert taken.entry()["goes_live"] == rfc3339(NOW + 90)
    book = after(book, taken)
    book = after(book, steps.schedule(book, wish(), four_eyes=False, at_ms=NOW + 10))
    assert [(each.revision, each.at_ms) for each in book.schedule] == [(A, NOW + 10), (B, NOW + 50)]
    assert (state(book), state(book, B)) == ("scheduled", "scheduled")


def test_what_is_due_goes_live_and_overtakes_what_was_due_before() -> None:
    book = published(drafted(A, B, C), C)
    for each, at_ms in ((A, NOW + 1), (B, NOW + 2)):
        book = after(book, steps.schedule(book, wish(each), four_eyes=False, at_ms=at_ms))
    taken = steps.due(book, book.schedule[1], NOW + 5, four_eyes=False)
    assert (taken.step, taken.revision, taken.before, taken.who) == ("live", B, C, ANN)
    book = after(book, taken)
    assert (book.live, book.schedule, state(book)) == (B, (), "draft")


REFUSED: list[tuple[Callable[[Book], Book], bool, str]] = [
    (lambda book: published(book, A), False, "it is live already"),
    (lambda book: book, True, "it is not approved"),
]


@pytest.mark.parametrize(("meanwhile", "four_eyes", "why"), REFUSED)
def test_what_may_not_go_live_any_more_is_taken_off_the_schedule(
    meanwhile: Callable[[Book], Book], four_eyes: bool, why: str
) -> None:
    book = drafted(A)
    book = after(book, steps.schedule(book, wish(), four_eyes=False, at_ms=NOW + 1))
    entry, live = book.schedule[0], meanwhile(book).live
    taken = steps.due(Book(1, live, (entry,), (), book.records), entry, NOW + 1, four_eyes)
    assert (taken.step, taken.book.schedule, taken.book.live) == ("refused", (), live)
    assert why in taken.note


def test_identifiers_stay_in_the_order_of_the_live_policy() -> None:
    book = published(drafted(A), A)
    turned = record(B, identifiers=("customer", "email", "visitor", "phone"))
    book = after(book, steps.draft(book, turned, ANN))
    more = record(C, identifiers=("customer", "email", "phone", "visitor"))
    book = after(book, steps.draft(book, more, ANN))
    with pytest.raises(WrongState, match="ranked otherwise"):
        steps.publish(book, wish(B), four_eyes=False)
    with pytest.raises(WrongState, match="ranked otherwise"):
        steps.schedule(book, wish(B), four_eyes=False, at_ms=NOW + 1)
    assert steps.publish(book, wish(C), four_eyes=False).step == "live"


def test_withdrawing_takes_the_time_and_the_approval_away() -> None:
    book = drafted(A)
    with pytest.raises(WrongState, match="nothing to withdraw"):
        steps.withdraw(book, wish())
    book = after(book, steps.approve(book, wish(who=BOB)))
    book = after(book, steps.schedule(book, wish(), four_eyes=True, at_ms=NOW + 1))
    book = after(book, steps.withdraw(book, wish()))
    assert (state(book), book.schedule) == ("draft", ())
    live = after(book, steps.approve(book, wish(who=BOB)))
    live = after(live, steps.publish(live, wish(), four_eyes=True))
    with pytest.raises(WrongState, match="is live"):
        steps.withdraw(live, wish())


def test_a_draft_that_is_there_stays_the_draft_of_whoever_was_first() -> None:
    book = drafted(A)
    assert steps.draft(book, record(A, BOB), BOB) is None


@pytest.mark.parametrize("go", [steps.approve, steps.roll_back, steps.withdraw])
def test_a_revision_that_there_is_not(go: Callable[[Book, Wish], Taken]) -> None:
    with pytest.raises(UnknownRevision):
        go(Book(), wish(who=BOB))


@pytest.mark.parametrize("seed", range(200))
def test_in_any_order_nothing_unapproved_is_ever_live(seed: int) -> None:
    """Everybody does anything at any time, with four eyes: what goes live was approved since it was drafted or rolled
    back, by somebody else; the log tells the live revision; and only what was live is gone back to."""
    chance = random.Random(seed)
    book, now, logged, approved, lived = Book(), NOW, list[Taken](), dict[str, str](), set[str]()
    for _ in range(60):
        now += chance.randint(1, 20)
        revision, who = chance.choice((A, B, C)), chance.choice((ANN, BOB))
        asked = wish(revision, who, now)
        try:
            taken = step(chance, book, asked)
        except RequestError:
            continue
        if taken is None:
            continue
        match taken.step:
            case "approved":
                assert book.records[taken.revision].drafted.by != taken.who.name
                approved[taken.revision] = taken.who.name
            case "live":
                assert taken.approved_by == approved[taken.revision]
                lived.add(taken.revision)
            case "rolled_back":
                assert taken.revision in lived
                assert taken.before is not None
                approved.pop(taken.before, None)
                lived.discard(taken.before)
            case "withdrawn":
                approved.pop(taken.revision, None) if taken.revision != book.live else None
        logged.append(taken)
        book = after(book, taken)
        went = [each.revision for each in logged if each.step in ("live", "rolled_back")]
        assert book.live == (went[-1] if went else None)
        assert sorted(each.at_ms for each in book.schedule) == [each.at_ms for each in book.schedule]


def step(chance: random.Random, book: Book, asked: Wish) -> Taken | None:
    due = [each for each in book.schedule if each.at_ms <= asked.now_ms]
    if due:
        return steps.due(book, due[-1], asked.now_ms, four_eyes=True)
    ways: list[Callable[[], Taken | None]] = [
        lambda: steps.draft(book, record(asked.revision, asked.who), asked.who),
        lambda: steps.approve(book, asked),
        lambda: steps.publish(book, asked, four_eyes=True),
        lambda: steps.schedule(book, asked, four_eyes=True, at_ms=asked.now_ms + chance.randint(1, 90)),
        lambda: steps.roll_back(book, asked),
        lambda: steps.withdraw(book, asked),
    ]
    return chance.choice(ways)()
