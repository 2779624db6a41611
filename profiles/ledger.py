"""The ledger as a fold of decisions and responses, and the scorecard counts that follow.

What the API commits stands in the ledger at once, not confirmed yet: a treatment as a reservation
(`logged: false`), an outcome under `said`. The same commit puts the record into the log, and the fold of that
record confirms it, and counts. So the contact policy never waits for a worker, and counts come from the log alone.

Counts name what is counted, on the day of its decision: `2026-03-01|campaign|program|cell|offer|channel|decided`.
They are committed together with the ledger, so that both always agree.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from profiles import cells, handing, holdouts
from profiles.definition import Definition
from schemas.base import UNIT_MS, moment
from schemas.cells import program_key
from schemas.decided import Decided, Made
from schemas.decision import DecisionRecord
from schemas.ledger import Ledger, LedgerEntry, Proposal
from schemas.policy import Outcome, OutcomeClass
from schemas.response import ResponseRecord

Counts = Counter[str]
DAY_MS = UNIT_MS["d"]
MOST_ENTRIES = 2_000
"""More than the contact policy can need; when it is reached all the same, what is forgotten is written down."""
MOST_PROPOSALS = 50


class UnknownCode(Exception):  # noqa: N818
    """The ledger knows no treatment with this code (any more)."""


def day(at_ms: int) -> str:
    return _day(at_ms // DAY_MS)


@lru_cache(maxsize=1_000)
def _day(number: int) -> str:
    return moment(number * DAY_MS).date().isoformat()


def entries_of(decision: Decided, at_ms: int, definition: Definition) -> list[LedgerEntry]:
    """One entry for each treatment and each that was withheld, not logged yet."""
    until_ms, takes = at_ms + definition.reservation_ms, decision.takes or {}
    treatments = [
        LedgerEntry(
            code=each.code,
            treatment=each.treatment,
            until_ms=until_ms,
            takes=takes.get(each.code, {}),
            continues=each.continues,
            same_contact=bool(each.same_contact),
            **_of_all(each, decision, at_ms),
        )
        for each in decision.treatments
    ]
    withheld = [
        LedgerEntry(
            code=f"{decision.decision}/{index}",
            treatment="",
            until_ms=at_ms,
            withheld=True,
            **_of_all(each, decision, at_ms),
        )
        for index, each in enumerate(decision.withheld)
    ]
    return [*treatments, *withheld]


def _of_all(made: Made, decision: Decided, at_ms: int) -> dict[str, Any]:
    return {
        "decision": decision.decision,
        "campaign": made.campaign,
        "program": made.program,
        "cell": made.cell,
        "offer": made.offer,
        "channel": decision.channel,
        "at_ms": at_ms,
        "transactional": made.kind == "transactional",
        "holdout": decision.holdout or {},
    }


def reserved(ledger: Ledger, entries: Iterable[LedgerEntry], now_ms: int, definition: Definition) -> Ledger:
    """The ledger with what was just decided."""
    return tidied(replace(ledger, entries=(*ledger.entries, *entries)), now_ms, definition)


def fold_decision(
    ledger: Ledger, decision: DecisionRecord, at_ms: int, definition: Definition
) -> tuple[Ledger, Counts]:
    """Confirms the reservations of a logged decision; makes those that are missing (a rebuilt ledger)."""
    today = day(at_ms)
    counts: Counts = Counter({f"{today}|decisions": 1})
    by_code = {entry.code: entry for entry in ledger.entries}
    seen = decision.ledger.get("cells", {})
    new: list[LedgerEntry] = []
    for entry in entries_of(decision, at_ms, definition):
        known = by_code.get(entry.code, entry)
        if not known.logged:
            new.append(known)
            known = handing.inherited(known, by_code.values(), definition) if known.continues else known
            counts[key_of(known, _column(known))] += 1
            counts[key_of(known, "customers")] += _is_met_now(known, by_code.values(), seen)
        by_code[entry.code] = replace(known, logged=True)
    counts.update(holdouts.met({*ledger.cells, *seen}, new, today))
    ordered = sorted(by_code.values(), key=lambda entry: entry.at_ms)
    folded = replace(ledger, entries=tuple(ordered), cells=cells.folded(ledger.cells, new))
    return tidied(folded, at_ms, definition), counts


def _column(entry: LedgerEntry) -> str:
    """One that continues was decided when the proposal began."""
    if entry.withheld:
        return "withheld"
    return "continued" if entry.continues else "decided"


def _is_met_now(entry: LedgerEntry, logged: Iterable[LedgerEntry], seen: Collection[str]) -> bool:
    """Whether the program meets this customer with it for the first time, with an offer or without. What the universal
    holdout keeps back is no part of a program's comparison. `seen`: the programs that the decision knew to have met the
    customer, under whatever identifier."""
    program = (entry.campaign, entry.program)
    met = program_key(*program) in seen or any(
        each.logged and (each.campaign, each.program) == program for each in logged
    )
    return not met and not cells.is_universal(entry)


def answered(ledger: Ledger, response: ResponseRecord) -> Ledger:
    """The ledger with an outcome that the log has not confirmed yet. Raises UnknownCode."""
    entry = _find(ledger, response.code)
    known = entry.coded_outcomes()
    new = {name: response.at_ms for name in response.outcomes if name not in known}
    if not new:
        return ledger
    said = changed(ledger, replace(entry, said={**entry.said, **new}))
    return taken(said, response.code, dict.fromkeys(response.outcomes.values(), response.at_ms))


def awaits_amount(ledger: Ledger, response: ResponseRecord) -> bool:
    """Whether the response brings an amount that the log has not confirmed for this outcome."""
    return bool(response.amount) and response.outcome not in _find(ledger, response.code).amounts


def fold_response(ledger: Ledger, response: ResponseRecord) -> tuple[Ledger, Counts]:
    """The ledger with an outcome in it. A repeated one changes nothing; of several times the earliest counts, whichever
    arrives first. Raises UnknownCode.

    What was handed over is one proposal: an answer is put to all of its treatments, and counted where it began.
    """
    counts: Counts = Counter()
    proposal = handing.together(ledger.entries, _find(ledger, response.code))
    for entry in proposal:
        ledger, more = _fold_one(ledger, entry, handing.share_of(entry, response))
        counts.update(
            {
                name: n
                for name, n in more.items()
                if len(proposal) == 1 or handing.is_counted(entry, name.rpartition("|")[2], response)
            }
        )
    return taken(ledger, response.code, dict.fromkeys(response.outcomes.values(), response.at_ms)), counts


def _fold_one(ledger: Ledger, entry: LedgerEntry, response: ResponseRecord) -> tuple[Ledger, Counts]:
    new = {name: response.at_ms for name in response.outcomes if _is_earlier(entry, name, response.at_ms)}
    amount = response.amount if response.amount and response.outcome not in entry.amounts else 0
    if not new and not amount:
        return ledger, Counter()
    classes = {response.outcomes[name] for name in new}
    folded = replace(
        entry,
        presented=entry.presented or "impression" in classes,
        positive=entry.positive or "positive" in classes,
        outcomes={**entry.outcomes, **new},
        said={name: at for name, at in entry.said.items() if name not in new},
        amounts={**entry.amounts, response.outcome: amount} if amount else entry.amounts,
    )
    return changed(ledger, folded), Counter(dict(_outcome_counts(entry, folded, amount)))


def decided_in(ledger: Ledger, cell: tuple[str, str, str], at_ms: int) -> LedgerEntry | None:
    """The treatment that the printed code of a cell stands for at a time: the newest one decided there until then, of
    one decision the first."""
    made = (each for each in ledger.entries if (each.campaign, each.program, each.cell) == cell and not each.withheld)
    return max((each for each in made if each.at_ms <= at_ms), key=lambda each: each.at_ms, default=None)


def _is_earlier(entry: LedgerEntry, outcome: str, at_ms: int) -> bool:
    known_ms = entry.outcomes.get(outcome)
    return known_ms is None or (at_ms < known_ms and outcome not in entry.unanswered)


def taken(ledger: Ledger, code: str, classes: Mapping[str, int]) -> Ledger:
    """With what its proposal has taken for good once outcomes of these classes are known of a treatment, and when. It
    depends on what was taken and said, on no policy, so that the log tells it again."""
    proposal = handing.together(ledger.entries, _find(ledger, code))
    for entry in proposal:
        new = {
            name: classes[each["confirm"]]
            for name, each in entry.takes.items()
            if each["confirm"] in classes and name not in entry.used and handing.taker(proposal, name, code) is entry
        }
        if new:
            ledger = changed(ledger, replace(entry, used={**new, **entry.used}))
    return ledger


def _find(ledger: Ledger, code: str) -> LedgerEntry:
    entry = ledger.entry(code)
    if entry is None:
        raise UnknownCode(code)
    return entry


def changed(ledger: Ledger, entry: LedgerEntry) -> Ledger:
    """The ledger with this entry in the place of the one with its code."""
    entries = tuple(entry if each.code == entry.code else each for each in ledger.entries)
    return replace(ledger, entries=entries)


def _outcome_counts(before: LedgerEntry, after: LedgerEntry, amount: int) -> Iterator[tuple[str, int]]:
    """A treatment is presented once and positive once, however many outcomes say so."""
    for name in after.outcomes.keys() - before.outcomes.keys():
        yield key_of(after, f"outcome:{name}"), 1
    if after.presented and not before.presented:
        yield key_of(after, "presented"), 1
    if after.positive and not before.positive:
        yield key_of(after, "positive"), 1
    if amount:
        yield key_of(after, "amount"), amount
    yield from holdouts.answered(before, after, amount, day(before.at_ms))


def implied(outcome: str, outcomes: Mapping[str, Outcome]) -> dict[str, OutcomeClass]:
    """All that must have happened before an outcome, and the outcome itself, each with its class."""
    found: list[str] = []
    waiting = [outcome]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting.extend(outcomes[name].implies)
    return {name: outcomes[name].kind for name in reversed(found)}


def key_of(entry: LedgerEntry, column: str) -> str:
    """The name under which something about an entry is counted."""
    where = (entry.campaign, entry.program, entry.cell, entry.offer, entry.channel, column)
    return "|".join((day(entry.at_ms), *where))


def proposed(ledger: Ledger, proposals: Iterable[Proposal], now_ms: int) -> Ledger:
    """The ledger with what rules propose. Of two proposals of a rule the later one stays, whichever came first;
    one that is over already (its event arrived late) is none."""
    waiting = {each.rule: each for each in ledger.proposals}
    for each in proposals:
        if each.rule not in waiting or each.until_ms >= waiting[each.rule].until_ms:
            waiting[each.rule] = each
    live = sorted((each for each in waiting.values() if each.until_ms > now_ms), key=lambda each: each.until_ms)
    return replace(ledger, proposals=tuple(live[-MOST_PROPOSALS:]))


def tidied(ledger: Ledger, now_ms: int, definition: Definition) -> Ledger:
    """Without what is too old to matter."""
    oldest = now_ms - definition.remember_ms
    kept = tuple([each for each in ledger.entries if each.matters_after(oldest)])
    forgotten = max([each.latest_ms() for each in kept[:-MOST_ENTRIES]], default=0)
    return replace(
        ledger,
        entries=kept[-MOST_ENTRIES:],
        forgotten_ms=max(ledger.forgotten_ms, forgotten),
        cells=cells.bounded(ledger.cells, oldest, definition),
    )


def within(ledger: Ledger, longest_ms: int, now_ms: int) -> Ledger:
    """What a contact policy sees that looks back no further than `longest_ms`."""
    oldest = now_ms - longest_ms
    entries = tuple([each for each in ledger.entries if each.matters_after(oldest) or each.until_ms > now_ms])
    proposals = tuple([each for each in ledger.proposals if each.until_ms > now_ms])
    forgotten = ledger.forgotten_ms if ledger.forgotten_ms > oldest else 0
    return Ledger(entries, proposals, forgotten, cells=ledger.cells)
