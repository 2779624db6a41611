"""Which cells a customer is in, remembered: who has been made an offer of a program, or has been withheld one, stays in
their cell when shares change.

Part of the ledger, and like it a fold of the logged decisions; what is not logged yet is known by its reservation. In
one ledger another cell replaces the one before: it was drawn because that is gone. Of a person with several identifiers
each may know another one: all are kept, and of those that there still are the earliest counts (rules/cells.py). So
joining is a union with the smallest time: associative, commutative, idempotent.
"""

from collections.abc import Iterable, Iterator

from profiles.definition import Definition
from schemas.cells import HOLDOUT, SERVED, Cells, holdout_key, program_key
from schemas.ledger import Ledger, LedgerEntry


def is_universal(entry: LedgerEntry) -> bool:
    """Whether the universal holdout kept it back."""
    return entry.withheld and entry.cell == HOLDOUT and any(entry.holdout.values())


def of_entry(entry: LedgerEntry) -> Iterator[tuple[str, str]]:
    """The cells that an entry tells of. What the universal holdout kept back does not say the program's."""
    if not is_universal(entry):
        yield program_key(entry.campaign, entry.program), entry.cell
    for name, is_held_out in entry.holdout.items():
        yield holdout_key(name), HOLDOUT if is_held_out else SERVED


def folded(cells: Cells, entries: Iterable[LedgerEntry]) -> Cells:
    """The cells of one ledger with what these entries tell, in whatever order they come."""
    found = dict(cells)
    for entry in entries:
        for key, cell in of_entry(entry):
            known = found.get(key, {})
            if cell in known or entry.at_ms >= max(known.values(), default=0):
                found[key] = {cell: min(entry.at_ms, known.get(cell, entry.at_ms))}
    return found


def joined_cells(several: Iterable[Cells]) -> Cells:
    found: dict[str, dict[str, int]] = {}
    for cells in several:
        for key, known in cells.items():
            there = found.setdefault(key, {})
            for cell, since_ms in known.items():
                there[cell] = min(since_ms, there.get(cell, since_ms))
    return found


def known_now(ledger: Ledger) -> Cells:
    """Of one ledger, with decisions that no log has confirmed yet."""
    reserved = [entry for entry in ledger.entries if not entry.logged]
    return folded(ledger.cells, reserved) if reserved else ledger.cells


def bounded(cells: Cells, oldest_ms: int, definition: Definition) -> Cells:
    """Without those of programs that the policy has no more, once they are older than what the ledger remembers."""
    if cells.keys() <= definition.cell_keys:
        return cells
    return {
        key: known
        for key, known in cells.items()
        if key in definition.cell_keys or max(known.values(), default=0) > oldest_ms
    }
