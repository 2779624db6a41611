"""Goals of somebody with several identifiers: however decisions, responses, events and links arrive, in the end it is
what a plain computation gives for one person; and if the link is undone, for two."""

import random
from collections import Counter
from collections.abc import Sequence

import orjson
import pytest

from consumers.live import LivePolicy
from profiles.customer import Customer
from profiles.joining import joined_ledger
from profiles.store import Commit, Record
from schemas.interaction import Interaction
from schemas.ledger import Ledger
from tests.builders import DAY, NOON_MS
from tests.consumers.several import Several
from tests.consumers.test_goals import (
    History,
    expected,
    expected_counts,
    policy,
    random_history,
    state,
    without_customers,
)

ALICE, VISITOR = "customer:alice", "visitor:v-1"
KNOWN = policy(model="last")


class Answering(Several):
    """With decisions and responses, and what is counted."""

    def __init__(self, policy: LivePolicy) -> None:
        super().__init__(policy)
        self.counts: Counter[str] = Counter()
        self.now_ms = NOON_MS + 60 * DAY

    def hear(self, record: Record) -> None:
        self._log(record)
        self._fold(record.subject)

    def _commit(self, customer: Customer, commit: Commit) -> None:
        super()._commit(customer, commit)
        self.counts.update(commit.counts)

    def _say(self, records: Sequence[Record]) -> None:
        super()._say([each for each in records if each.topic != "responses"])

    def ledger(self, *subjects: str) -> Ledger:
        """As whoever reads the customer sees it, where each identifier has it."""
        return joined_ledger([self.customers[each].ledger for each in subjects])


def link() -> Record:
    named = Interaction("login", "test", "call_started", ALICE, "call", NOON_MS, {}, links=(VISITOR,))
    body = {
        "specversion": "1.0", "id": "login", "source": "test", "type": "call_started", "subject": "alice",
        "visitor": "v-1", "channel": "call", "time": "2026-03-10T12:00:00.000Z", "data": {},
    }  # fmt: skip
    return Record("interactions", named.identity, ALICE, orjson.dumps(body))


def about(subject: str, record: Record) -> Record:
    body = record.body
    if record.topic == "interactions" and subject == VISITOR:
        body = body.replace(b'"subject":"alice"', b'"visitor":"v-1"')
    return Record(record.topic, record.id, subject, body)


def shared_out(history: History, chance: random.Random) -> tuple[dict[str, History], list[Record]]:
    """By identifier what happened under it, and all of it as records. A response stands where its decision does."""
    parts = {ALICE: History(), VISITOR: History()}
    for made in history.decisions:
        part = parts[chance.choice((ALICE, VISITOR))]
        part.decisions.append(made)
        codes = {each.code for each in made.treatments}
        part.responses += [each for each in history.responses if each.code in codes]
    for happened in history.events:
        parts[chance.choice((ALICE, VISITOR))].events.append(happened)
    records = [about(subject, each) for subject, part in parts.items() for each in part.records()]
    return parts, records


def arriving(several: Answering, records: list[Record], chance: random.Random) -> None:
    """In any order, but responses after their decisions: before, their codes are not known. What identifiers say to
    each other takes its time."""
    chance.shuffle(records)
    records.sort(key=lambda each: each.topic == "responses")
    links_at = chance.randrange(len(records) + 1)
    for each in [*records[:links_at], link(), *records[links_at:]]:
        several.hear(each)
        several.arrive(chance.choice((0, 0, 1, 2, 1_000)))
    several.arrive()
    if chance.random() < 0.3:
        several.deliver_again()
        several.arrive()


@pytest.mark.parametrize("undone", [False, True], ids=["linked", "undone"])
def test_any_order_of_events_links_and_decisions(undone: bool) -> None:
    for seed in range(150):
        chance = random.Random(seed)
        history = random_history(chance, KNOWN)
        parts, records = shared_out(history, chance)
        several = Answering(KNOWN)
        arriving(several, records, chance)
        several.hear(about(VISITOR, Record("identities", "x", VISITOR, b'{"kind":"again","to":"customer:alice"}')))
        several.arrive()
        people = [history]
        if undone:
            several.judge(VISITOR, ALICE)
            people = list(parts.values())
        found = [each for person in people for each in expected(person, "last")]
        counts: Counter[str] = Counter()
        for person in people:
            counts += expected_counts(person, expected(person, "last"))
        where = f"seed {seed}, undone: {undone}"
        wanted = {each.code: ({**each.inferred, **each.coded}, each.converted) for each in found}
        ledger = several.ledger(ALICE, VISITOR)
        assert {code: (known, met) for code, (known, _, met) in state(ledger).items()} == wanted, where
        counted = Counter({name: amount for name, amount in several.counts.items() if amount})
        assert without_customers(counted) == counts, where
