"""How cells are named where rules and profiles both speak of them."""

from collections.abc import Mapping, Sequence

CellsOfOne = Mapping[str, Sequence[int]]
"""What one ledger knows: each cell, with when it was first and last decided there, in ms."""
Cells = Mapping[str, Sequence[CellsOfOne]]
"""By program (`campaign/program`), and by universal holdout (`holdout <id>`). One map for each in a ledger;
several where the ledgers of one person's identifiers are joined."""

HOLDOUT, SERVED = "holdout", "served"
"""The two cells of the universal holdout."""


def program_key(campaign: str, program: str) -> str:
    return f"{campaign}/{program}"


def holdout_key(name: str) -> str:
    """Like no program's key, since no id has a space: so chance is independent of every program's cells."""
    return f"holdout {name}"
