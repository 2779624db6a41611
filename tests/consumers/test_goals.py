"""Goal events: in whatever order decisions, responses and events arrive, however often, the ledger and the scorecard
are what a plain computation over the list of all of them gives."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from consumers.folding import ProfileFold
from consumers.folding.goals import MOST_EVENTS
from consumers.live import LivePolicy
from consumers.log import LogRecord
from consumers.said import is_folded
from consumers.timers import interaction_of
from profiles import ledger as ledgers
from profiles.customer import Customer
from profiles.ledger import day, implied
from profiles.log_stream import OUTBOX
from profiles.store import Record
from schemas.base import rfc3339
from schemas.decision import ChosenTreatment, DecisionRecord, Withheld
from schemas.interaction import Interaction, to_cloud_event
from schemas.ledger import WHOLE_EVENT, Ledger, LedgerEntry
from schemas.response import ResponseRecord
from tests.builders import DAY, HOUR, NOON_MS, live
from tests.consumers.conftest import Counted

SUBJECT = "customer:alice"
ARRIVED_MS = NOON_MS + 400 * DAY
OUTCOMES = {
    "presented": {"class": "impression"},
    "clicked": {"class": "neutral", "implies": ["presented"]},
    "accepted": {"class": "positive", "implies": ["presented"], "ends": True},
    "bought": {"class": "positive", "implies": ["presented"], "ends": True},
    "visited": {"class": "neutral"},
    "no_response": {"class": "neutral", "after": {"web": "2d"}},
}
BOUGHT = {"when": "purchase", "within": "20d", "outcome": "bought", "amount": "event.amount"}
WINDOW = 20 * DAY


def offer(name: str, **goal: Any) -> dict[str, Any]:
    banner = {"id": f"{name}-banner", "channel": "web", "placement": "hero", "content": {"title": name}}
    return {"id": name, "name": name, "always": True, "treatments": [banner], **({"goal": goal} if goal else {})}


def policy(**attribution: Any) -> LivePolicy:
    cells = [
        {"id": "all", "share": 80, "offers": ["mug", "pen", "tea", "cup"]},
        {"id": "control", "share": 20, "holdout": True},
    ]
    return live(
        attribution=attribution,
        outcomes=OUTCOMES,
        campaigns=[
            {
                "id": "spring",
                "programs": [
                    {"id": "gifts", "goal": {**BOUGHT, "of": "decided"}, "cells": cells},
                    {"id": "more", "cells": cells},
                ],
            }
        ],
        offers=[
            offer("mug"),
            offer("pen", **BOUGHT, **{"if": "event.amount >= 20.0"}),
            offer("tea", **{**BOUGHT, "of": "clicked", "within": "6d"}),
            offer("cup", when="page_view", outcome="visited", within="3d"),
        ],
    )


@dataclass
class Goal:
    """What the policy above says, in the words of the test."""

    type: str
    outcome: str
    of: str
    within_ms: int
    least: float = 0.0


def goal_of(program: str, name: str) -> Goal | None:
    own = {
        "pen": Goal("purchase", "bought", "presented", WINDOW, 20.0),
        "tea": Goal("purchase", "bought", "clicked", 6 * DAY),
        "cup": Goal("page_view", "visited", "presented", 3 * DAY),
    }
    inherited = Goal("purchase", "bought", "decided", WINDOW) if program == "gifts" else None
    return own.get(name, inherited)


@dataclass
class History:
    decisions: list[DecisionRecord] = field(default_factory=list)
    responses: list[ResponseRecord] = field(default_factory=list)
    events: list[Interaction] = field(default_factory=list)

    def records(self) -> list[Record]:
        return [
            *(Record("decisions", d.decision, SUBJECT, d.model_dump_json().encode()) for d in self.decisions),
            *(
                Record("responses", f"{r.code}/{r.outcome}", SUBJECT, orjson.dumps(r.model_dump()))
                for r in self.responses
            ),
            *(Record("interactions", e.identity, SUBJECT, orjson.dumps(to_cloud_event(e))) for e in self.events),
        ]

    def reserved(self, known: LivePolicy) -> Ledger:
        """As the API has left it before anything is folded."""
        ledger = Ledger()
        for each in self.decisions:
            entries = ledgers.entries_of(each, at(each), known.definition)
            ledger = ledgers.reserved(ledger, entries, at(each), known.definition)
        return ledger


def at(decision: DecisionRecord) -> int:
    return TIMES[decision.decision]


TIMES: dict[str, int] = {}


def decision(number: int, at_ms: int, program: str, name: str, held_out: bool) -> DecisionRecord:
    where = {"placement": "hero", "kind": "standard", "campaign": "spring", "program": program, "offer": name}
    made: dict[str, Any] = {"treatments": (), "withheld": ()}
    if held_out:
        made["withheld"] = (Withheld(**where, cell="control"),)
    else:
        chosen = ChosenTreatment(
            **where, cell="all", code=f"CODE{number:08}", rank=1, offer_name=name, treatment=f"{name}-banner",
            language="en", content={}, score=1.0, factors={},
        )  # fmt: skip
        made["treatments"] = (chosen,)
    TIMES[f"0000-{number}"] = at_ms
    return DecisionRecord(
        decision=f"0000-{number}", at=rfc3339(at_ms), customer="alice", channel="web", policy="p", model="none",
        candidates=1, left_out=(), seed=1, salt=0, placements=(), facts={}, ledger={}, **made,
    )  # fmt: skip


def response(code: str, outcome: str, at_ms: int, known: LivePolicy, amount: int = 0) -> ResponseRecord:
    names = implied(outcome, known.definition.outcomes)
    return ResponseRecord(code=code, decision="", outcome=outcome, outcomes=names, at_ms=at_ms, amount=amount)


def event(number: int, kind: str, at_ms: int, amount: float) -> Interaction:
    data = {"amount": amount} if kind == "purchase" else {}
    return Interaction(f"e-{number}", "test", kind, SUBJECT, "web", at_ms, data)


def random_history(chance: random.Random, known: LivePolicy, span: int = 18 * DAY) -> History:
    """Within the window of the longest goal, so that nothing is settled before all has come."""
    found = History()
    held = {program: chance.random() < 0.3 for program in ("gifts", "more")}
    for number in range(chance.randint(1, 6)):
        program = chance.choice(("gifts", "more"))
        name = chance.choice(("mug", "pen", "tea", "cup"))
        made = decision(number, NOON_MS + chance.randrange(span), program, name, held[program])
        found.decisions.append(made)
        for treatment in made.treatments:
            for outcome in chance.sample(("presented", "clicked", "accepted", "bought"), chance.randint(0, 2)):
                when = at(made) + chance.randrange(2 * DAY)
                amount = 990_000 if outcome in ("accepted", "bought") and chance.random() < 0.5 else 0
                found.responses.append(response(treatment.code, outcome, when, known, amount))
    for number in range(chance.randint(0, 6)):
        kind = chance.choice(("purchase", "purchase", "page_view"))
        found.events.append(event(number, kind, NOON_MS + chance.randrange(span), chance.choice((5.0, 12.34, 20.0))))
    return found


# the plain computation


def coded(history: History, code: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in history.responses:
        if each.code == code:
            for name in each.outcomes:
                found[name] = min(each.at_ms, found.get(name, each.at_ms))
    return found


@dataclass
class Entry:
    code: str
    program: str
    cell: str
    offer: str
    at_ms: int
    coded: dict[str, int]
    shares: dict[str, int] = field(default_factory=dict)
    amounts: int = 0
    inferred: dict[str, int] = field(default_factory=dict)
    converted: bool = False

    @property
    def held_out(self) -> bool:
        return self.cell == "control"


def expected(history: History, model: str, half_life: int | None = None) -> list[Entry]:
    entries = []
    for made in history.decisions:
        entries += [
            Entry(t.code, t.program, t.cell, t.offer, at(made), coded(history, t.code)) for t in made.treatments
        ]
        entries += [
            Entry(f"{made.decision}/{n}", w.program, w.cell, w.offer, at(made), {}) for n, w in enumerate(made.withheld)
        ]
    entries.sort(key=lambda each: (each.at_ms, each.code))
    for happened in history.events:
        in_time = [each for each in entries if meets(each, happened)]
        came_far = [each for each in in_time if each.held_out or reached(each, happened.at_ms)]
        for pool in (
            [each for each in came_far if not each.held_out],
            [each for each in came_far if each.held_out and each.program == "gifts"],
            [each for each in came_far if each.held_out and each.program == "more"],
        ):
            credit(pool, happened, model, half_life)
    for program in ("gifts", "more"):
        done = [each for each in entries if each.program == program and any(meets(each, e) for e in history.events)]
        if done:
            done[0].converted = True
    return entries


def meets(entry: Entry, happened: Interaction) -> bool:
    goal = goal_of(entry.program, entry.offer)
    if goal is None or goal.type != happened.type or happened.data.get("amount", 0.0) < goal.least:
        return False
    return entry.at_ms <= happened.at_ms <= entry.at_ms + goal.within_ms


def reached(entry: Entry, at_ms: int) -> bool:
    goal = goal_of(entry.program, entry.offer)
    assert goal is not None
    return goal.of == "decided" or entry.coded.get(goal.of, at_ms + 1) <= at_ms


def credit(pool: list[Entry], happened: Interaction, model: str, half_life: int | None) -> None:
    if not pool:
        return
    chosen = {"last": pool[-1:], "first": pool[:1]}.get(model, pool)
    amount = round(happened.data.get("amount", 0) * 10_000)
    weights = [0.5 ** ((happened.at_ms - each.at_ms) / half_life) if half_life else 1.0 for each in chosen]
    bounds = [int(WHOLE_EVENT * sum(weights[:n]) / sum(weights)) for n in range(len(chosen))] + [WHOLE_EVENT]
    for n, each in enumerate(chosen):
        low, high = bounds[n], bounds[n + 1]
        if high == low:
            continue
        goal = goal_of(each.program, each.offer)
        assert goal is not None
        each.shares[happened.id] = high - low
        each.amounts += amount * high // WHOLE_EVENT - amount * low // WHOLE_EVENT
        names = [goal.outcome] if each.held_out or goal.outcome == "visited" else ["presented", goal.outcome]
        for name in names:
            each.inferred[name] = min(happened.at_ms, each.inferred.get(name, happened.at_ms))


def expected_counts(history: History, entries: Iterable[Entry]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in entries:
        key = f"{day(each.at_ms)}|spring|{each.program}|{each.cell}|{each.offer}|web|"
        names = {**each.inferred, **each.coded}
        said = {r.outcome: r.amount for r in history.responses if r.code == each.code and r.amount}
        counts[key + ("withheld" if each.held_out else "decided")] += 1
        counts.update({f"{key}outcome:{name}": 1 for name in names})
        counts[key + "presented"] += int("presented" in names and not each.held_out)
        counts[key + "positive"] += int(not names.keys().isdisjoint(("accepted", "bought")))
        counts[key + "attributed"] += sum(each.shares.values())
        counts[key + "amount"] += sum(said.values()) or each.amounts
        counts[key + "converted"] += each.converted
    return +counts


# the fold


@dataclass
class Folded:
    customer: Customer
    counts: Counter[str]
    said: list[ResponseRecord]


def fold_all(known: LivePolicy, before: Customer, records: Iterable[Record], chance: random.Random) -> Folded:
    """In batches, as a worker does."""
    fold, customer, counts, said = ProfileFold(known, Counted()), before, Counter[str](), []
    arriving = [
        LogRecord(each.topic, offset, ARRIVED_MS + offset, each.id, each.subject, each.body)
        for offset, each in enumerate(records, before.profile.marks.get(OUTBOX.position, 0) + 1)
    ]
    while arriving:
        size = chance.randint(1, 6)
        batch, arriving = arriving[:size], arriving[size:]
        commit = fold(customer, batch)
        assert not [each for each in commit.records if each.topic == "dead-letters"]
        counts.update(commit.counts)
        assert commit.profile is not None
        ledger = Ledger.from_json(orjson.loads(orjson.dumps((commit.ledger or customer.ledger).as_json())))
        identity = commit.identity or customer.identity
        customer = Customer(SUBJECT, "1-a", commit.profile, ledger, identity)
        for each in commit.records:
            if each.topic == "responses":
                assert is_folded(LogRecord(each.topic, 1, 1, each.id, each.subject, each.body))
                said.append(ResponseRecord.model_validate_json(each.body))
    counts = Counter({name: amount for name, amount in counts.items() if amount})
    return Folded(customer, counts, said)


def without_customers(counts: Counter[str]) -> Counter[str]:
    """Who is met first by a program does depend on what is folded first."""
    columns = ("customers", "decisions")
    return Counter({n: a for n, a in counts.items() if n.split("|")[-1] not in columns and "|interactions|" not in n})


def state(ledger: Ledger) -> dict[str, tuple[dict[str, int], dict[str, int], bool]]:
    def shares(entry: LedgerEntry) -> dict[str, int]:
        return {} if entry.inferred is None else {f"{c.at_ms}": c.share for c in entry.inferred.credits.values()}

    return {
        each.code: (dict(each.known_outcomes()), shares(each), bool(each.inferred and each.inferred.met))
        for each in ledger.entries
    }


MODELS: list[dict[str, Any]] = [
    {"model": "last"},
    {"model": "first"},
    {"model": "weighted"},
    {"model": "weighted", "half_life": "3d"},
]


@pytest.mark.parametrize("how", MODELS, ids=str)
def test_any_order_and_any_repetition_is_what_a_plain_computation_gives(how: dict[str, Any]) -> None:
    known = policy(**how)
    for seed in range(120):
        chance = random.Random(seed)
        history = random_history(chance, known)
        wanted = expected(history, how["model"], 3 * DAY if "half_life" in how else None)
        for arrival in range(2):
            records = [*history.records(), *chance.sample(history.records(), len(history.records()) // 2)]
            chance.shuffle(records)
            folded = fold_all(known, Customer(SUBJECT, ledger=history.reserved(known)), records, chance)
            where = f"seed {seed}, arrival {arrival}, {how}"
            assert state(folded.customer.ledger) == {
                each.code: (
                    {**each.inferred, **each.coded},
                    {str(e.at_ms): each.shares[e.id] for e in history.events if e.id in each.shares},
                    each.converted,
                )
                for each in wanted
            }, where
            assert without_customers(folded.counts) == expected_counts(history, wanted), where
            assert last_said(folded.said) == {
                (each.code, share) for each in wanted for share in each.shares.values()
            }, where


def last_said(said: Iterable[ResponseRecord]) -> set[tuple[str, int]]:
    """What a reader of the log knows in the end."""
    latest: dict[tuple[str, str, str], int] = {}
    for each in said:
        latest[each.code, each.outcome, each.goal_event] = each.share
    return {(code, share) for (code, _, _), share in latest.items() if share}


# what else holds

KNOWN = policy(model="last")
EARLY, LATE = NOON_MS, NOON_MS + 3 * DAY


def folded(*records: Record, known: LivePolicy = KNOWN, before: Customer | None = None) -> Folded:
    """One after the other."""
    return fold_all(known, before or Customer(SUBJECT), records, random.Random(0))


def of_decision(made: DecisionRecord) -> Record:
    return Record("decisions", made.decision, SUBJECT, made.model_dump_json().encode())


def of_event(happened: Interaction) -> Record:
    return Record("interactions", happened.identity, SUBJECT, orjson.dumps(to_cloud_event(happened)))


def of_timer(name: str, due_ms: int) -> Record:
    return of_event(interaction_of(SUBJECT, name, due_ms))


def entry_of(found: Folded, code: str) -> LedgerEntry:
    return next(each for each in found.customer.ledger.entries if each.code == code)


def column(counts: Counter[str], name: str) -> int:
    return sum(amount for key, amount in counts.items() if key.endswith(f"|{name}"))


def test_silence_is_hidden_while_a_goal_is_met_and_comes_back_when_the_event_is_due_to_another() -> None:
    older, newer = (decision(n, at_ms, "gifts", "mug", False) for n, at_ms in ((1, EARLY), (2, LATE)))
    silent = of_timer("no_response:CODE00000001", EARLY + 2 * DAY)
    bought = of_event(event(1, "purchase", LATE + DAY, 5.0))
    found = folded(of_decision(older), silent, bought)
    assert "no_response" not in entry_of(found, "CODE00000001").known_outcomes()
    assert column(found.counts, "outcome:no_response") == 0
    for order in ((silent, bought, of_decision(newer)), (bought, of_decision(newer), silent)):
        found = folded(of_decision(older), *order)
        assert set(entry_of(found, "CODE00000001").known_outcomes()) == {"no_response"}
        assert set(entry_of(found, "CODE00000002").known_outcomes()) == {"bought", "presented"}
        assert column(found.counts, "outcome:no_response") == 1
        assert column(found.counts, "outcome:bought") == 1
        assert last_said(found.said) == {("CODE00000002", WHOLE_EVENT)}


def test_a_response_and_an_inferred_one_are_one_acceptance() -> None:
    made = of_decision(decision(1, EARLY, "gifts", "mug", False))
    bought = of_event(event(1, "purchase", EARLY + DAY, 5.0))
    coded = response("CODE00000001", "accepted", EARLY + HOUR, KNOWN, amount=70_000)
    answer = Record("responses", "x", SUBJECT, orjson.dumps(coded.model_dump()))
    for order in ((bought, answer), (answer, bought)):
        counts = folded(made, *order).counts
        assert [column(counts, each) for each in ("positive", "presented", "amount", "attributed")] == [
            1, 1, 70_000, WHOLE_EVENT,
        ]  # fmt: skip


def test_what_is_older_than_any_window_is_settled_and_stays_counted() -> None:
    made = of_decision(decision(1, EARLY, "gifts", "mug", False))
    events = [of_event(event(n, "purchase", EARLY + n * DAY, 10.0)) for n in (1, 2, 3)]
    much_later = of_event(event(9, "page_view", EARLY + 300 * DAY, 0.0))
    late = of_event(event(4, "purchase", EARLY + 4 * DAY, 10.0))
    found = folded(made, *events, much_later, late, late)
    ledger = found.customer.ledger
    inferred = entry_of(found, "CODE00000001").inferred
    assert inferred is not None
    assert (inferred.credits, inferred.settled["bought"]) == ({}, ("bought", EARLY + DAY, 4 * WHOLE_EVENT, 400_000))
    assert [each.type for each in ledger.goal_events] == ["page_view"]
    assert column(found.counts, "attributed") == 4 * WHOLE_EVENT
    assert column(found.counts, "outcome:bought") == column(found.counts, "converted") == 1
    # nothing that arrives later takes it away
    newer = of_decision(decision(2, EARLY + HOUR, "gifts", "mug", False))
    again = fold_all(KNOWN, found.customer, [made, newer], random.Random(0))
    assert column(again.counts, "attributed") == 0


def test_a_ledger_keeps_no_more_than_a_hundred_events() -> None:
    made = of_decision(decision(1, EARLY, "gifts", "mug", False))
    events = [of_event(event(n, "purchase", EARLY + n * HOUR, 1.0)) for n in range(150)]
    found = folded(made, *events)
    assert len(found.customer.ledger.goal_events) == MOST_EVENTS
    assert column(found.counts, "attributed") == 150 * WHOLE_EVENT
    assert column(found.counts, "amount") == 150 * 10_000


def test_an_offer_that_the_policy_has_no_more_keeps_what_is_due_to_it() -> None:
    found = folded(
        of_decision(decision(1, EARLY, "gifts", "mug", False)), of_event(event(1, "purchase", EARLY + DAY, 5.0))
    )
    bought_again = of_event(event(2, "purchase", EARLY + 2 * DAY, 5.0))
    after = folded(bought_again, known=live(outcomes=OUTCOMES), before=found.customer)
    assert set(entry_of(after, "CODE00000001").known_outcomes()) == {"bought", "presented"}
    assert not {name for name in after.counts if "|spring|" in name}


def test_a_policy_without_goals_says_and_keeps_nothing() -> None:
    known = live(outcomes=OUTCOMES)
    assert not known.ruleset.goals.fields
    found = folded(
        of_decision(decision(1, EARLY, "gifts", "mug", False)),
        of_event(event(1, "purchase", EARLY + DAY, 5.0)),
        known=known,
    )
    assert "goal_events" not in found.customer.ledger.as_json()
    assert found.said == []


def test_the_fold_finds_what_a_printed_code_stands_for() -> None:
    older, newer = (decision(n, at_ms, "gifts", "mug", False) for n, at_ms in ((1, EARLY), (2, LATE)))
    said = response("", "accepted", EARLY + DAY, KNOWN).model_copy(update={"cell": ("spring", "gifts", "all")})
    answer = Record("responses", "x", SUBJECT, orjson.dumps(said.model_dump()))
    found = folded(of_decision(newer), of_decision(older), answer, answer)
    assert "accepted" in entry_of(found, "CODE00000001").outcomes
    assert entry_of(found, "CODE00000002").outcomes == {}
    assert column(found.counts, "positive") == 1
