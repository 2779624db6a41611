"""Which cells a customer is in, remembered: who has been made an offer of a program, or has been withheld one, stays in
their cell when shares change.

Part of the ledger, and like it a fold of the logged decisions; what is not logged yet is known by its reservation. Each
cell is kept with the first and the last time that something was decided there, so that the fold is a union with the
smaller and the greater time, in whatever order decisions come. Which of them counts is seen when it is asked for
(rules/cells.py): in one ledger the one that was decided last, since it was drawn because those before it were gone; of
the ledgers of one person's identifiers, which are all kept apart, the one that has this since the earliest time. So
joining is a union of sets: associative, commutative, idempotent.
"""

from collections.abc import Iterable, Iterator, Sequence

from profiles.definition import Definition
from schemas.cells import HOLDOUT, SERVED, Cells, CellsOfOne, holdout_key, program_key
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
            (known,) = found.get(key) or ({},)
            first_ms, last_ms = known.get(cell, (entry.at_ms, entry.at_ms))
            found[key] = [{**known, cell: [min(first_ms, entry.at_ms), max(last_ms, entry.at_ms)]}]
    return found


def joined_cells(several: Iterable[Cells]) -> Cells:
    """What each of several ledgers knows, side by side."""
    found: dict[str, list[CellsOfOne]] = {}
    for cells in several:
        for key, ledgers in cells.items():
            there = found.setdefault(key, [])
            there += [each for each in ledgers if each not in there]
    return {key: sorted(ledgers, key=_order) if len(ledgers) > 1 else ledgers for key, ledgers in found.items()}


def _order(known: CellsOfOne) -> list[tuple[str, Sequence[int]]]:
    return sorted(known.items())


def known_now(ledger: Ledger) -> Cells:
    """Of one ledger, with decisions that no log has confirmed yet."""
    reserved = [entry for entry in ledger.entries if not entry.logged]
    return folded(ledger.cells, reserved) if reserved else ledger.cells


def bounded(cells: Cells, oldest_ms: int, definition: Definition) -> Cells:
    """Without those of programs that the policy has no more, once they are older than what the ledger remembers."""
    if cells.keys() <= definition.cell_keys:
        return cells
    return {
        key: ledgers
        for key, ledgers in cells.items()
        if key in definition.cell_keys or any(last > oldest_ms for each in ledgers for _, last in each.values())
    }
