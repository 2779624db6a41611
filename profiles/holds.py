"""What decisions and outcomes move in the stock of a shard. Pure; lua/holds.lua does it, in the commit of the ledger.

A decision *holds* what its treatments take. The first outcome of the class that the supply asks for *uses* it; an
answer that ends the matter otherwise *frees* it, as time does. What is used stands in the ledger entry, so that each is
used once, whoever takes the outcome in first: the API or the fold of the log.

What was handed over is one proposal and takes once: its first treatment holds, until the hand-over ends, and an answer
to any of them settles that.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from profiles import handing
from profiles.definition import Definition
from schemas.holding import held_until_ms
from schemas.ledger import Ledger, LedgerEntry


class Act(StrEnum):
    HOLD = "hold"
    """If there is enough; else the whole commit is refused."""
    KEEP = "keep"
    """For longer, where it is held; else as far as there is enough, such as of a decision that the log knows and the
    ledger does not (any more)."""
    USE = "use"
    """What is held, or else what is left, or else more than there is: it has happened."""
    FREE = "free"


class Move(Struct, frozen=True):
    act: Act
    code: str
    supply: str
    amount: int
    until_ms: int = 0
    """Of what is held: when it is free again."""


def held(entries: Iterable[LedgerEntry], until_ms: int = 0, act: Act = Act.HOLD) -> list[Move]:
    """For what was just decided: for as long as the policy says, and at least until then."""
    return [
        Move(act, each.code, name, taking["amount"], max(each.at_ms + taking["hold_ms"], until_ms))
        for each in entries
        for name, taking in each.takes.items()
        if taking["hold_ms"]
    ]


def answered(before: Ledger, after: Ledger, codes: Collection[str], definition: Definition) -> list[Move]:
    """For what outcomes of these treatments have made of their proposals."""
    if before is after:
        return []
    one_of_each = {each.root: each for each in after.entries if each.code in codes}
    proposals = [handing.together(after.entries, each) for each in one_of_each.values()]
    then = {each.code: each for each in before.entries}
    moves: list[Move] = []
    for now in proposals:
        if any(each.takes for each in now):
            moves += _moves([then.get(each.code, each) for each in now], now, definition)
    return moves


def kept(before: Ledger, after: Ledger) -> list[Move]:
    """For what a logged decision adds to a ledger that did not have it."""
    if not any(each.takes for each in after.entries):
        return []
    known = {each.code for each in before.entries}
    return held((each for each in after.entries if each.code not in known), act=Act.KEEP)


def _moves(then: Sequence[LedgerEntry], now: Sequence[LedgerEntry], definition: Definition) -> Iterator[Move]:
    is_over, is_handed_on = _over(now, definition), bool(_hand_overs(now, definition) - _hand_overs(then, definition))
    ends, gone, before = is_over and not _over(then, definition), _used(now), _used(then)
    for was, entry in zip(then, now, strict=True):
        for name, taking in entry.takes.items():
            if name in entry.used:
                if name not in was.used:
                    yield Move(Act.USE, entry.code, name, taking["amount"])
            elif taking["hold_ms"] and (ends or name in gone - before):
                yield Move(Act.FREE, entry.code, name, taking["amount"])
            elif taking["hold_ms"] and is_handed_on and not is_over and name not in gone:
                yield Move(Act.KEEP, entry.code, name, taking["amount"], _until_ms(entry, name, now, definition))


def _used(proposal: Iterable[LedgerEntry]) -> set[str]:
    return {name for each in proposal for name in each.used}


def _hand_overs(proposal: Iterable[LedgerEntry], definition: Definition) -> set[tuple[str, str]]:
    return {(each.code, name) for each in proposal for name in each.known_outcomes() if _hands_over(name, definition)}


def _hands_over(name: str, definition: Definition) -> bool:
    return name in definition.outcomes and definition.outcomes[name].hand_over is not None


def _until_ms(entry: LedgerEntry, supply: str, proposal: Iterable[LedgerEntry], definition: Definition) -> int:
    known = {name: each.hand_over for name, each in definition.outcomes.items() if each.hand_over is not None}
    return held_until_ms(entry, supply, proposal, known)


def _over(proposal: Sequence[LedgerEntry], definition: Definition) -> bool:
    """Whether it is not expected any more that it will be used. What was handed over still waits in silence."""
    outcomes = definition.outcomes
    known = [outcomes[name] for each in proposal for name in each.known_outcomes() if name in outcomes]
    if any(each.ends or each.kind == "negative" for each in known):
        return True
    return any(each.unanswered for each in proposal) and all(each.hand_over is None for each in known)
