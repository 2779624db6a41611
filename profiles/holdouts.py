"""What the scorecard counts of a universal holdout: customers and what they answered, inside it and outside.

`2026-03-01|holdout|universal|holdout|customers`: day, the word, the id of the holdout, the cell, what is counted. By
intention to treat: a customer counts once, with the first offer of any program that was made or withheld.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from schemas.cells import HOLDOUT, SERVED, holdout_key
from schemas.ledger import LedgerEntry


def met(known: Collection[str], new: Iterable[LedgerEntry], day: str) -> dict[str, int]:
    """Of the entries of a decision that was just logged; `known`: of what the cells were known
    before it, here or under other identifiers of the person, as the decision has seen them."""
    return {
        _key(day, name, is_held_out, "customers"): 1
        for entry in new
        for name, is_held_out in entry.holdout.items()
        if holdout_key(name) not in known
    }


def answered(before: LedgerEntry, after: LedgerEntry, amount: int, day: str) -> Iterator[tuple[str, int]]:
    """Of an entry that was changed by an outcome; `amount` in ten-thousandths, on the day of its decision."""
    return also({"positive": int(after.positive and not before.positive), "amount": amount}, after, day)


def also(columns: Mapping[str, int], entry: LedgerEntry, day: str) -> Iterator[tuple[str, int]]:
    """What the holdouts count of what an entry adds to its own row of the scorecard."""
    for name, is_held_out in entry.holdout.items():
        for column in ("positive", "amount"):
            if columns[column]:
                yield _key(day, name, is_held_out, column), columns[column]


def _key(day: str, name: str, is_held_out: bool, column: str) -> str:
    return f"{day}|holdout|{name}|{HOLDOUT if is_held_out else SERVED}|{column}"
