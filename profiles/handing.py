"""What an answer to a treatment means for those that it was handed over from, or to: they are one proposal.

A yes or a no to one of them is a yes or a no to all, and is counted once, where the proposal began. What was seen or
clicked is of that treatment alone. What it takes of the stock it takes once. Pure.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from profiles.definition import Definition
from schemas.ledger import Ledger, LedgerEntry
from schemas.response import ResponseRecord

ANSWERS = ("positive", "negative")


def together(entries: Iterable[LedgerEntry], entry: LedgerEntry) -> Sequence[LedgerEntry]:
    """All treatments of the proposal, where it has several and the first of them is in this ledger; else the one."""
    found = [each for each in entries if each.root == entry.root]
    return found if any(each.code == entry.root for each in found) else (entry,)


def codes(ledger: Ledger, code: str) -> Sequence[str]:
    """Of all treatments of the proposal."""
    entry = ledger.entry(code)
    return [code] if entry is None else [each.code for each in together(ledger.entries, entry)]


def taker(proposal: Iterable[LedgerEntry], supply: str, code: str) -> LedgerEntry | None:
    """Which of its treatments uses the supply, when this one is answered: the one that has, or that holds it (if the
    hold of an earlier one has ended, the latest), or else, where that is in another ledger, the answered one."""
    taking = [each for each in proposal if supply in each.takes]
    return max(taking, key=lambda each: _claim(each, supply, code), default=None)


def _claim(entry: LedgerEntry, supply: str, code: str) -> tuple[bool, bool, int, str]:
    holds = entry.takes[supply]["hold_ms"] > 0
    return supply in entry.used, holds, entry.at_ms if holds else int(entry.code == code), entry.code


def share_of(entry: LedgerEntry, response: ResponseRecord) -> ResponseRecord:
    """What the response says of this one of the treatments."""
    if entry.code == response.code:
        return response
    answers = {name: kind for name, kind in response.outcomes.items() if kind in ANSWERS}
    amount = response.amount if response.outcome in answers else 0
    return response.model_copy(update={"code": entry.code, "outcomes": answers, "amount": amount})


def is_counted(entry: LedgerEntry, column: str, response: ResponseRecord) -> bool:
    """Whether what the response changes of this treatment is counted for it."""
    seen = {name for name, kind in response.outcomes.items() if kind not in ANSWERS}
    return entry.continues is None or column == "presented" or column.removeprefix("outcome:") in seen


def inherited(entry: LedgerEntry, known: Iterable[LedgerEntry], definition: Definition) -> LedgerEntry:
    """One that was just decided, with the answer that the proposal has had meanwhile."""
    root = next((each for each in known if each.code == entry.continues), None)
    if root is None:
        return entry
    kinds = {name: definition.outcomes[name].kind for name in root.outcomes if name in definition.outcomes}
    answers = {name: root.outcomes[name] for name, kind in kinds.items() if kind in ANSWERS}
    positive = entry.positive or any(kinds[name] == "positive" for name in answers)
    return replace(entry, outcomes={**answers, **entry.outcomes}, positive=positive)
