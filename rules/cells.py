"""Which test cell of a program a customer is in: a stable hash, the same in every process and for ever."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate

from schemas.catalogue import Cell, UniversalHoldout
from schemas.cells import HOLDOUT, SERVED, Cells, CellsOfOne, holdout_key


@dataclass(frozen=True, slots=True)
class Shares:
    """The cells of a program, made ready."""

    program_key: str
    ends: tuple[float, ...]
    """Up to which point of [0, 100) each cell goes."""
    cells: tuple[str, ...]
    salt: bytes
    """What the hash begins with: the program's key."""


def _shares(program_key: str, ends: tuple[float, ...], cells: tuple[str, ...]) -> Shares:
    return Shares(program_key, ends, cells, f"{program_key}|".encode())


def shares_of(program_key: str, cells: Sequence[Cell]) -> Shares:
    return _shares(program_key, tuple(accumulate(cell.share for cell in cells)), tuple(cell.id for cell in cells))


def assign(shares: Shares, subject: str) -> str:
    """The cell in whose share the customer's hash falls: a number in [0, 1) that depends on nothing but the program's
    key and the customer."""
    cells = shares.cells
    if len(cells) == 1:
        return cells[0]
    hashed = blake2b(shares.salt + subject.encode(), digest_size=8).digest()
    at = bisect_right(shares.ends, int.from_bytes(hashed) / 2**64 * 100)
    return cells[at] if at < len(cells) else cells[-1]


def universal_shares(holdout: UniversalHoldout) -> Shares:
    """The universal holdout as a program of two cells."""
    return _shares(holdout_key(holdout.id), (holdout.share, 100.0), (HOLDOUT, SERVED))


def kept(known: Cells, program_key: str, cells: Collection[str]) -> str | None:
    """The cell that the customer's ledger remembers, of those that the program still has: the one decided last. Of the
    ledgers of several identifiers, the one of these that is known since the earliest time; ties by name."""
    ledgers = known.get(program_key)
    if ledgers is None:
        return None
    if len(ledgers) == 1 and len(ledgers[0]) == 1:  # as nearly always
        (cell,) = ledgers[0]
        return cell if cell in cells else None
    told = [found for each in ledgers if (found := _newest(each, cells)) is not None]
    return min(told)[1] if told else None


def _newest(known: CellsOfOne, cells: Collection[str]) -> tuple[int, str] | None:
    """Since when, and which."""
    still = [(-last_ms, first_ms, cell) for cell, (first_ms, last_ms) in known.items() if cell in cells]
    return min(still)[1:] if still else None
