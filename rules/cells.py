"""Which test cell of a program a customer is in: a stable hash, the same in every process and for ever."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple

from schemas.catalogue import Cell, UniversalHoldout
from schemas.cells import HOLDOUT, SERVED, Cells, CellsOfOne, holdout_key


def fraction(salt: str, subject: str) -> float:
    """A number in [0, 1) that depends on nothing but the salt and the customer."""
    hashed = _salted(salt).copy()
    hashed.update(subject.encode())
    return int.from_bytes(hashed.digest()) / 2**64


@lru_cache(maxsize=10_000)
def _salted(salt: str) -> blake2b:
    return blake2b(f"{salt}|".encode(), digest_size=8)


class Shares(NamedTuple):
    """The cells of a program, made ready."""

    program_key: str
    ends: tuple[float, ...]
    """Up to which point of [0, 100) each cell goes."""
    cells: tuple[str, ...]


def shares_of(program_key: str, cells: Sequence[Cell]) -> Shares:
    return Shares(program_key, tuple(accumulate(cell.share for cell in cells)), tuple(cell.id for cell in cells))


def assign(shares: Shares, subject: str) -> str:
    """The cell in whose share the customer's hash falls."""
    program_key, ends, cells = shares
    if len(cells) == 1:
        return cells[0]
    at = bisect_right(ends, fraction(program_key, subject) * 100)
    return cells[at] if at < len(cells) else cells[-1]


def universal_shares(holdout: UniversalHoldout) -> Shares:
    """The universal holdout as a program of two cells."""
    return Shares(holdout_key(holdout.id), (holdout.share, 100.0), (HOLDOUT, SERVED))


def kept(known: Cells, program_key: str, cells: Collection[str]) -> str | None:
    """The cell that the customer's ledger remembers, of those that the program still has: the one decided last. Of the
    ledgers of several identifiers, the one of these that is known since the earliest time; ties by name."""
    told = [found for each in known.get(program_key, ()) if (found := _newest(each, cells)) is not None]
    return min(told)[1] if told else None


def _newest(known: CellsOfOne, cells: Collection[str]) -> tuple[int, str] | None:
    """Since when, and which."""
    still = [(-last_ms, first_ms, cell) for cell, (first_ms, last_ms) in known.items() if cell in cells]
    return min(still)[1:] if still else None
