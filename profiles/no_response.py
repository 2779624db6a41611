"""Outcomes that happen by themselves: no answer has come for so long after a decision. Pure.

When the decision is folded, its entries await an answer until `awaits_ms`; a timer wakes there. Any answer that is a
yes or a no, or ends the matter, takes that back. Once it has happened, a later yes (or what ends the matter) withdraws
it: from the entry, and from the scorecard. On a channel with `after: session_end` the end of the visit takes the place
of the timer, and says that it was not presented: an impression that is heard of later withdraws it too.

What is inferred from a goal may be taken back again; while it stands, the silence is hidden
(`LedgerEntry.known_outcomes`) and not counted (profiles/attribution.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from profiles.definition import Definition
from profiles.ledger import Counts, changed, key_of
from profiles.profile import Span
from schemas.ledger import Ledger, LedgerEntry
from schemas.policy import Outcome

TIMER = "no_response"
Timers = dict[str, int | None]


def timer_of(code: str) -> str:
    return f"{TIMER}:{code}"


def awaited(before: Ledger, after: Ledger, definition: Definition) -> tuple[Ledger, Timers]:
    """After a decision was folded: what it has confirmed awaits an answer from now on."""
    if not definition.no_response:
        return after, {}
    known = {each.code for each in before.entries if each.logged}
    timers: Timers = {}
    entries = []
    for entry in after.entries:
        span = definition.no_response.get(entry.channel)
        if span and entry.logged and entry.code not in known and not _over(entry, definition):
            due = entry.at_ms + span[1]
            timers[timer_of(entry.code)] = due
            entries.append(replace(entry, awaits_ms=due))
        else:
            entries.append(entry)
    return (replace(after, entries=tuple(entries)) if timers else after), timers


def _over(entry: LedgerEntry, definition: Definition) -> bool:
    return entry.withheld or answers(entry.coded_outcomes(), definition.outcomes)


def answers(names: Iterable[str], outcomes: Mapping[str, Outcome]) -> bool:
    """Whether one of these outcomes is an answer: nothing is awaited any more."""
    known = (outcomes[name] for name in names if name in outcomes)
    return any(each.ends or each.kind in ("positive", "negative") for each in known)


def answered(ledger: Ledger, code: str, definition: Definition) -> tuple[Ledger, Counts, Timers]:
    """After a response was folded: nothing is awaited any more, and what was given up may be withdrawn."""
    entry = ledger.entry(code)
    if entry is None or not (entry.awaits_ms or entry.unanswered):
        return ledger, Counter(), {}
    timers: Timers = {}
    counts: Counts = Counter()
    if entry.awaits_ms and answers(entry.outcomes, definition.outcomes):
        timers[timer_of(code)] = None
        entry = replace(entry, awaits_ms=0)
    if entry.unanswered and _withdraws(entry, definition):
        for name in entry.unanswered:
            counts[key_of(entry, f"outcome:{name}")] -= 1
        left = {name: at for name, at in entry.outcomes.items() if name not in entry.unanswered}
        entry = replace(entry, outcomes=left, unanswered={})
    return changed(ledger, entry), counts, timers


def _withdraws(entry: LedgerEntry, definition: Definition) -> bool:
    if entry.presented and definition.not_presented.get(entry.channel) in entry.unanswered:
        return True
    known = (definition.outcomes[name] for name in entry.outcomes if name in definition.outcomes)
    return entry.positive or any(each.ends for each in known)


def fired(ledger: Ledger, code: str, due_ms: int, definition: Definition) -> tuple[Ledger, Counts]:
    """The time has come: the outcome happens, unless an answer is known, also one that the log has not confirmed."""
    entry = ledger.entry(code)
    if entry is None or entry.awaits_ms != due_ms:
        return ledger, Counter()
    entry = replace(entry, awaits_ms=0)
    name, _ = definition.no_response.get(entry.channel, ("", 0))
    if not name or name in entry.outcomes or answers(entry.coded_outcomes(), definition.outcomes):
        return changed(ledger, entry), Counter()
    happened = replace(entry, outcomes={**entry.outcomes, name: due_ms}, unanswered={name: due_ms})
    return changed(ledger, happened), Counter({key_of(entry, f"outcome:{name}"): 1})


def visit_ended(
    ledger: Ledger, visit: Span, end_ms: int, channel: str, definition: Definition
) -> tuple[Ledger, Counts]:
    """What was decided in a visit that is over, and has neither been presented nor answered, will not be: it happens at
    the end, or with the decision if that came after the last interaction. It ends the reservation."""
    counts: Counts = Counter()
    name = definition.not_presented.get(channel)
    for entry in ledger.entries if name else ():
        decided_in_it = entry.channel == channel and entry.logged and visit[0] <= entry.at_ms <= visit[1]
        if name and decided_in_it and not _came_up(entry, definition):
            at_ms = max(entry.at_ms, end_ms)
            outcomes, until_ms = {**entry.outcomes, name: at_ms}, min(entry.until_ms, at_ms)
            happened = replace(entry, outcomes=outcomes, unanswered={name: at_ms}, until_ms=until_ms)
            ledger = changed(ledger, happened)
            counts[key_of(entry, f"outcome:{name}")] += 1
    return ledger, counts


def _came_up(entry: LedgerEntry, definition: Definition) -> bool:
    """Whether it was presented, answered, or given up before."""
    names, outcomes = entry.known_outcomes(), definition.outcomes
    seen = any(outcomes[name].kind == "impression" for name in names if name in outcomes)
    given_up = definition.not_presented.get(entry.channel) in names
    return entry.withheld or entry.presented or seen or given_up or answers(names, outcomes)
