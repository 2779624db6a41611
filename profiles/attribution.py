"""To which decisions goal events are due, and what is counted of that. Pure.

A goal event ("bought the product") is due to contacts of the customer before it, within the window of their goal: the
last, the first, or all by weight. What was withheld is apart: the events of somebody held out are due to what each
program would have offered, so that both sides of a program are measured alike. What was handed over is one proposal: it
gets one share, where it began.

Everything here is a function of a *set* of ledger entries and a *set* of goal events, so that the order of arrival
does not matter: what comes late changes what follows, and the difference is counted. That holds for as long as the
events are kept; then what follows from them is settled.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from profiles import holdouts
from profiles.ledger import Counts, day, implied, key_of
from profiles.no_response import answers
from schemas.goals import Attribution
from schemas.ledger import WHOLE_EVENT, Credit, GoalEvent, Inferred, LedgerEntry
from schemas.policy import Outcome

Program = tuple[str, str]
NOTHING = Inferred()


@dataclass(frozen=True, slots=True)
class Reach:
    """What the goal of a treatment makes of an event that meets it in time."""

    outcome: str
    amount: int
    """In ten-thousandths of the currency unit."""
    counts: bool
    """Whether the treatment had come as far as its goal asks."""


Meets = Callable[[LedgerEntry, GoalEvent], Reach | None]
Credits = dict[str, dict[str, Credit]]
"""By response code and event."""


def credited(entries: Sequence[LedgerEntry], events: Iterable[GoalEvent], meets: Meets, how: Attribution) -> Credits:
    """What is due to whom."""
    found: Credits = {}
    roots = {each.code: each for each in entries}
    for event in events:
        pools: dict[Program | None, list[tuple[LedgerEntry, Reach]]] = {}
        for entry in entries:
            reach = meets(entry, event)
            if reach is not None and reach.counts:
                apart = (entry.campaign, entry.program) if entry.withheld else None
                pools.setdefault(apart, []).append((entry, reach))
        for pool in pools.values():
            for entry, credit in _divided(pool, event, how):
                began = roots.get(entry.root, entry)
                found.setdefault(began.code, {})[event.id] = credit
    return found


def _divided(
    pool: list[tuple[LedgerEntry, Reach]], event: GoalEvent, how: Attribution
) -> Iterator[tuple[LedgerEntry, Credit]]:
    """Shares and amounts are whole numbers; those of one event add up exactly."""
    pool.sort(key=lambda each: (each[0].at_ms, each[0].code))
    if how.model == "last":
        pool = pool[-1:]
    elif how.model == "first":
        pool = pool[:1]
    else:
        pool = _each_proposal(pool)
    weights = [_weight(event.at_ms - entry.at_ms, how.half_life) for entry, _ in pool]
    upto, done = 0.0, 0
    for (entry, reach), weight in zip(pool, weights, strict=True):
        upto += weight
        due = WHOLE_EVENT if entry is pool[-1][0] else int(WHOLE_EVENT * upto / sum(weights))
        if due > done:
            amount = reach.amount * due // WHOLE_EVENT - reach.amount * done // WHOLE_EVENT
            yield entry, Credit(reach.outcome, event.at_ms, due - done, amount)
        done = due


def _each_proposal(pool: Iterable[tuple[LedgerEntry, Reach]]) -> list[tuple[LedgerEntry, Reach]]:
    """Its latest contact, in the order of the pool."""
    latest: dict[str, tuple[LedgerEntry, Reach]] = {}
    for each in pool:
        root = each[0].root
        latest.pop(root, None)
        latest[root] = each
    return list(latest.values())


def _weight(age_ms: int, half_life_ms: int | None) -> float:
    return 1.0 if half_life_ms is None else max(0.5 ** (age_ms / half_life_ms), 1e-9)


def converted(entries: Iterable[LedgerEntry], events: Sequence[GoalEvent], meets: Meets) -> dict[str, dict[str, int]]:
    """By response code, the event by which the customer has done what a program is for: whatever became of the offer,
    each program once, at its first treatment or withheld offer that the event is in time for."""
    first: dict[Program, tuple[int, str, GoalEvent]] = {}
    for entry in entries:
        in_time = (event for event in events if meets(entry, event) is not None)
        event = min(in_time, key=lambda each: (each.at_ms, each.id), default=None)
        program = (entry.campaign, entry.program)
        if event is not None and (program not in first or (entry.at_ms, entry.code) < first[program][:2]):
            first[program] = entry.at_ms, entry.code, event
    return {code: {event.id: event.at_ms} for _, code, event in first.values()}


@dataclass(frozen=True, slots=True)
class Horizon:
    """Which events may still change what follows."""

    live: frozenset[str]
    """The events that the ledgers have."""
    frozen: frozenset[str]
    """Of them, those that are due to treatments whose goal the live policy does not know: they stay as they are."""
    settled_ms: int
    """What is older is settled."""
    kept: frozenset[str]
    """The events that the ledgers will have."""


def inferred(
    before: Inferred | None, due: Mapping[str, Credit], met: Mapping[str, int], horizon: Horizon
) -> tuple[dict[str, Credit], dict[str, Credit], Mapping[str, int]]:
    """Credits, settled credits and what was met. An event that is gone before it was settled was withdrawn: with it
    goes what followed."""
    was = before or NOTHING
    there = {key: each for key, each in was.credits.items() if key in horizon.frozen}
    there |= {key: each for key, each in due.items() if key not in horizon.frozen}
    gone = {key: each for key, each in was.credits.items() if key not in horizon.live}
    settled = dict(was.settled)
    for key, credit in {**gone, **there}.items():
        is_old = credit.at_ms < horizon.settled_ms
        if is_old and key not in horizon.kept:
            settled[credit.outcome] = _sum(settled.get(credit.outcome), credit)
            there.pop(key, None)
    return there, settled, lasting(was, horizon) or met


def lasting(made: Inferred, horizon: Horizon) -> dict[str, int]:
    """What was met and stays so."""
    return {
        key: at_ms
        for key, at_ms in made.met.items()
        if key in horizon.frozen or (key not in horizon.live and at_ms < horizon.settled_ms)
    }


def _sum(one: Credit | None, other: Credit) -> Credit:
    if one is None:
        return other
    at_ms = min(one.at_ms, other.at_ms)
    return Credit(other.outcome, at_ms, one.share + other.share, one.amount + other.amount)


def with_outcomes(
    entry: LedgerEntry,
    due: Mapping[str, Credit],
    settled: Mapping[str, Credit],
    met: Mapping[str, int],
    outcomes: Mapping[str, Outcome],
) -> Inferred | None:
    """With what follows. An offer that was withheld was never seen, whatever its outcome implies elsewhere."""
    happened: dict[str, int] = {}
    for credit in (*due.values(), *settled.values()):
        names = implied(credit.outcome, outcomes) if credit.outcome in outcomes and not entry.withheld else ()
        for name in (*names, credit.outcome):
            happened[name] = min(credit.at_ms, happened.get(name, credit.at_ms))
    if not (happened or met):
        return None
    return Inferred(
        credits=dict(due), settled=dict(settled), met=dict(met), outcomes=happened, answers=answers(happened, outcomes)
    )


def shared(
    found: Mapping[str, Inferred], entries: Sequence[LedgerEntry], before: Callable[[str], Inferred | None]
) -> dict[str, Inferred]:
    """With what an answer means for the other treatments of its proposal: nothing is awaited of them either. That stays
    where the treatment with which it began is forgotten."""
    known = {each.code for each in entries}
    answered = {each.root for each in entries if each.code in found and found[each.code].answers}
    shares = dict(found)
    for entry in entries:
        if entry.continues is None and entry.code not in answered:
            continue
        was, is_forgotten = before(entry.code), entry.continues is not None and entry.continues not in known
        if entry.root in answered or (is_forgotten and was is not None and was.answers):
            shares[entry.code] = replace(found.get(entry.code, NOTHING), answers=True)
    return shares


def counted(entry: LedgerEntry, outcomes: Mapping[str, Outcome]) -> Counts:
    """What an entry adds to the scorecard beside what has come for its code. A treatment is positive once, in whatever
    way it has become that; an amount that came with a code is the amount."""
    found: Counts = Counter()
    if entry.inferred is None:
        return found
    new = entry.inferred.outcomes.keys() - entry.outcomes.keys()
    kinds = {outcomes[name].kind for name in new if name in outcomes}
    columns = {f"outcome:{name}": 1 for name in new}
    columns |= {"presented": int("impression" in kinds and not entry.presented and not entry.withheld)}
    columns |= {"positive": int("positive" in kinds and not entry.positive)}
    due = (*entry.inferred.credits.values(), *entry.inferred.settled.values())
    columns |= {"attributed": sum(each.share for each in due)}
    columns |= {"amount": 0 if entry.amounts else sum(each.amount for each in due)}
    columns |= {"converted": int(bool(entry.inferred.met))}
    if entry.inferred.answers:
        columns |= {f"outcome:{name}": -1 for name in entry.unanswered}
    for column, amount in columns.items():
        if amount:
            found[key_of(entry, column)] = amount
    # whoever is held out can look at nothing: both sides count who has done it, seen or not
    done = {"positive": int(bool(entry.inferred.met) and not entry.positive), "amount": columns["amount"]}
    found.update(dict(holdouts.also(done, entry, day(entry.at_ms))))
    return found


def together(entry: LedgerEntry, more: Inferred | None) -> LedgerEntry:
    """An entry with what was inferred of it elsewhere."""
    one, other = entry.inferred, more
    if one is None or other is None:
        return replace(entry, inferred=one or other)
    settled = dict(one.settled)
    for outcome, credit in other.settled.items():
        settled[outcome] = _sum(settled.get(outcome), credit)
    happened = {**one.outcomes, **other.outcomes}
    for name in one.outcomes.keys() & other.outcomes.keys():
        happened[name] = min(one.outcomes[name], other.outcomes[name])
    due = {**one.credits, **other.credits}
    both = Inferred(
        credits=due,
        settled=settled,
        met=one.met or other.met,
        outcomes=happened,
        answers=one.answers or other.answers,
    )
    return replace(entry, inferred=both)
