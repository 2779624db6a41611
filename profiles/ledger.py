"""The ledger as a fold of decisions and responses, and the scorecard counts that follow.

A decision that the API commits stands in the ledger as a reservation (`logged: false`); the fold of the
logged decision confirms it. A reservation that the log never confirms is dropped when its time is over.

Counts name what is counted and when: `2026-03-01|campaign|program|cell|offer|channel|accepted`. They are
committed together with the ledger, so that both always agree.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from profiles.definition import Definition
from schemas.base import moment
from schemas.decision import Decision
from schemas.ledger import Ledger, LedgerEntry, Proposal
from schemas.policy import Outcome
from schemas.response import ResponseRecord

Counts = Counter[str]
MOST_ENTRIES = 500
MOST_PROPOSALS = 50


class UnknownCode(Exception):  # noqa: N818
    """The ledger knows no treatment with this code (any more)."""


def day(at_ms: int) -> str:
    return moment(at_ms).date().isoformat()


def reserved(ledger: Ledger, entries: Iterable[LedgerEntry], now_ms: int, definition: Definition) -> Ledger:
    """The ledger with treatments that were just decided."""
    kept = tidied(ledger, now_ms, definition)
    return replace(kept, entries=(*kept.entries, *entries))


def entries_of(decision: Decision, at_ms: int, definition: Definition) -> list[LedgerEntry]:
    """One entry for each treatment of a decision, not logged yet."""
    return [
        LedgerEntry(
            code=each.code,
            decision=decision.decision,
            campaign=each.campaign,
            program=each.program,
            cell=each.cell,
            offer=each.offer,
            treatment=each.treatment,
            channel=decision.channel,
            at_ms=at_ms,
            until_ms=at_ms + definition.reservation_ms,
            transactional=each.kind == "transactional",
        )
        for each in decision.treatments
    ]


def fold_decision(ledger: Ledger, decision: Decision, at_ms: int, definition: Definition) -> tuple[Ledger, Counts]:
    """Confirms the reservations of a logged decision; makes those that are missing (a rebuilt ledger)."""
    today = day(at_ms)
    counts: Counts = Counter({f"{today}|decisions": 1})
    by_code = {entry.code: entry for entry in ledger.entries}
    for entry in entries_of(decision, at_ms, definition):
        known = by_code.get(entry.code, entry)
        if not known.logged:
            counts[_cell_key(today, known, "decided")] += 1
        by_code[entry.code] = replace(known, logged=True)
    for held in decision.withheld:
        where = (today, held.campaign, held.program, held.cell, held.offer, decision.channel, "withheld")
        counts["|".join(where)] += 1
    ordered = sorted(by_code.values(), key=lambda entry: entry.at_ms)
    return tidied(replace(ledger, entries=tuple(ordered)), at_ms, definition), counts


def fold_response(ledger: Ledger, response: ResponseRecord, outcomes: Mapping[str, Outcome]) -> tuple[Ledger, Counts]:
    """The ledger with an outcome in it. A repeated one changes nothing. Raises UnknownCode."""
    entry = next((each for each in ledger.entries if each.code == response.code), None)
    if entry is None:
        raise UnknownCode(response.code)
    if response.outcome in entry.outcomes:
        return ledger, Counter()
    new = {name: response.at_ms for name in implied(response.outcome, outcomes) if name not in entry.outcomes}
    counts = _outcome_counts(entry, new, response, outcomes)
    answered = replace(entry, outcomes={**entry.outcomes, **new})
    entries = tuple(answered if each.code == entry.code else each for each in ledger.entries)
    return replace(ledger, entries=entries), counts


def implied(outcome: str, outcomes: Mapping[str, Outcome]) -> list[str]:
    """The outcome and all that must have happened before it, earliest first."""
    found: list[str] = []
    waiting = [outcome]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting.extend(outcomes[name].implies if name in outcomes else ())
    return found[::-1]


def _outcome_counts(
    entry: LedgerEntry, new: Mapping[str, int], response: ResponseRecord, outcomes: Mapping[str, Outcome]
) -> Counts:
    today = day(response.at_ms)
    counts: Counts = Counter(_cell_key(today, entry, f"outcome:{name}") for name in new)
    for kind, column in (("impression", "presented"), ("positive", "positive")):
        before = any(_is(name, kind, outcomes) for name in entry.outcomes)
        if not before and any(_is(name, kind, outcomes) for name in new):
            counts[_cell_key(today, entry, column)] += 1
    if response.amount:
        counts[_cell_key(today, entry, "amount")] += response.amount
    return counts


def _is(outcome: str, kind: str, outcomes: Mapping[str, Outcome]) -> bool:
    return outcome in outcomes and outcomes[outcome].kind == kind


def _cell_key(today: str, entry: LedgerEntry, column: str) -> str:
    where = (today, entry.campaign, entry.program, entry.cell, entry.offer, entry.channel, column)
    return "|".join(where)


def proposed(ledger: Ledger, proposals: Iterable[Proposal], now_ms: int) -> Ledger:
    """The ledger with what rules have just proposed; a rule's newer proposal replaces its older one."""
    added = {each.rule: each for each in proposals}
    kept = (each for each in ledger.proposals if each.rule not in added and each.until_ms > now_ms)
    return replace(ledger, proposals=(*kept, *added.values())[-MOST_PROPOSALS:])


def tidied(ledger: Ledger, now_ms: int, definition: Definition) -> Ledger:
    """Without reservations that were never confirmed, and without what is too old to matter."""
    oldest = now_ms - definition.remember_ms
    kept = tuple(each for each in ledger.entries if each.at_ms > oldest and (each.logged or each.until_ms > now_ms))
    return replace(ledger, entries=kept[-MOST_ENTRIES:])
