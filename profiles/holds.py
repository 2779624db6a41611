"""What decisions and outcomes move in the stock of a shard. Pure; lua/holds.lua does it, in the commit of the ledger.

A decision *holds* what its treatments take. The first outcome of the class that the supply asks for *uses* it; an
answer that ends the matter otherwise *frees* it, as time does. What is used stands in the ledger entry, so that each is
used once, whoever takes the outcome in first: the API or the fold of the log.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct

from profiles.definition import Definition
from schemas.ledger import Ledger, LedgerEntry


class Act(StrEnum):
    HOLD = "hold"
    """If there is enough; else the whole commit is refused."""
    KEEP = "keep"
    """Of a decision that the log knows and the ledger does not (any more): as far as there is enough."""
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
    ]


def answered(before: Ledger, after: Ledger, code: str, definition: Definition) -> list[Move]:
    """For what an outcome has made of one entry."""
    if before is after:
        return []
    now = next((each for each in after.entries if each.code == code), None)
    if now is None or not now.takes:
        return []
    then = next((each for each in before.entries if each.code == code), now)
    return list(_moves(then, now, definition))


def kept(before: Ledger, after: Ledger) -> list[Move]:
    """For what a logged decision adds to a ledger that did not have it."""
    if not any(each.takes for each in after.entries):
        return []
    known = {each.code for each in before.entries}
    return held((each for each in after.entries if each.code not in known), act=Act.KEEP)


def _moves(then: LedgerEntry, now: LedgerEntry, definition: Definition) -> Iterator[Move]:
    is_over = not _over(then, definition) and _over(now, definition)
    for name, taking in now.takes.items():
        if name in now.used and name not in then.used:
            yield Move(Act.USE, now.code, name, taking["amount"])
        elif name not in now.used and is_over:
            yield Move(Act.FREE, now.code, name, taking["amount"])


def _over(entry: LedgerEntry, definition: Definition) -> bool:
    """Whether it is not expected any more that it will be used."""
    outcomes = definition.outcomes
    known = (outcomes[name] for name in entry.known_outcomes() if name in outcomes)
    return bool(entry.unanswered) or any(each.ends or each.kind == "negative" for each in known)
