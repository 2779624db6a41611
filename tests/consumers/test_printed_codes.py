"""A printed code that came through Kafka, of somebody with several identifiers: it stands for what was decided under
whichever of them."""

import orjson

from consumers.folding import ProfileFold
from consumers.log import LogRecord
from profiles.customer import Customer
from profiles.erasure import ERASED, ERASED_MS
from profiles.identity import Identity, Part, Source
from profiles.profile import Profile
from profiles.store import DEAD_LETTERS, IDENTITIES, Commit
from schemas.ledger import Ledger, LedgerEntry
from schemas.response import ResponseRecord
from tests.builders import DAY, NOON_MS, entry, live
from tests.consumers.conftest import Counted

ALICE, VISITOR = "customer:alice", "visitor:v1"
KNOWN = live()
SAID = ResponseRecord(
    code="",
    decision="",
    outcome="accepted",
    outcomes={"presented": "impression", "accepted": "positive"},
    at_ms=NOON_MS + 5,
    cell=("spring", "gifts", "all"),
)
OLD = Profile(first=NOON_MS - DAY, last=NOON_MS)


def alice(own: tuple[LedgerEntry, ...], theirs: tuple[LedgerEntry, ...]) -> Customer:
    sources = {VISITOR: Source(1, {VISITOR: Part(1, OLD, Ledger(theirs))}, NOON_MS - DAY)}
    return Customer(ALICE, "1-x", OLD, Ledger(own), Identity(sources=sources))


def folded(customer: Customer, topic: str, body: bytes) -> Commit:
    record = LogRecord(topic, 10, NOON_MS + 9, "x", customer.subject, body)
    return ProfileFold(KNOWN, Counted())(customer, [record])


def answered(customer: Customer) -> Commit:
    return folded(customer, "responses", orjson.dumps(SAID.model_dump()))


def test_it_is_passed_on_to_the_identifier_that_was_decided_for() -> None:
    theirs = entry(code="THEIRS", at_ms=NOON_MS)
    commit = answered(alice((entry(code="OWN", at_ms=NOON_MS - 1),), (theirs,)))
    assert (commit.ledger, dict(commit.counts)) == (None, {})
    (passed,) = commit.records
    assert (passed.topic, passed.subject) == (IDENTITIES, VISITOR)
    there = folded(Customer(VISITOR, "1-x", OLD, Ledger((theirs,))), IDENTITIES, passed.body)
    assert there.ledger is not None
    assert there.ledger.entries[0].outcomes == {"presented": NOON_MS + 5, "accepted": NOON_MS + 5}
    assert [name for name in there.counts if name.endswith("|positive")]


def test_the_newest_decision_counts_under_whatever_identifier() -> None:
    commit = answered(alice((entry(code="OWN", at_ms=NOON_MS),), (entry(code="THEIRS", at_ms=NOON_MS - 1),)))
    assert commit.records == []
    assert commit.ledger is not None
    assert commit.ledger.entries[0].positive


def test_without_a_decision_it_is_a_dead_letter() -> None:
    (letter,) = answered(alice((), (entry(code="LATER", at_ms=NOON_MS + 6),))).records
    assert letter.topic == DEAD_LETTERS


def test_who_was_erased_meanwhile_has_answered_nothing() -> None:
    (passed,) = answered(alice((), (entry(code="THEIRS", at_ms=NOON_MS),))).records
    erased = Customer(VISITOR, "1-x", Profile(marks={ERASED: 5, ERASED_MS: NOON_MS + 6}))
    commit = folded(erased, IDENTITIES, passed.body)
    assert (commit.passed_over, list(commit.records)) == (["0-10"], [])
