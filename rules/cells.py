"""Which test cell of a program a customer is in: a stable hash, the same in every process and for ever."""

from collections.abc import Sequence
from hashlib import blake2b

from schemas.policy import Cell


def fraction(salt: str, subject: str) -> float:
    """A number in [0, 1) that depends on nothing but the salt and the customer."""
    digest = blake2b(f"{salt}|{subject}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def assign(program_key: str, cells: Sequence[Cell], subject: str) -> Cell:
    """The cell in whose share of [0, 100) the customer's hash falls."""
    point = fraction(program_key, subject) * 100
    passed = 0.0
    for cell in cells:
        passed += cell.share
        if point < passed:
            return cell
    return cells[-1]
