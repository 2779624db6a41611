"""How cells are named where rules and profiles both speak of them."""

from collections.abc import Mapping

Cells = Mapping[str, Mapping[str, int]]
"""By program (`campaign/program`), and by universal holdout (`holdout <id>`): the cell, and since when (ms). One cell
for each in a ledger; several where the ledgers of one person's identifiers are joined."""

HOLDOUT, SERVED = "holdout", "served"
"""The two cells of the universal holdout."""


def program_key(campaign: str, program: str) -> str:
    return f"{campaign}/{program}"


def holdout_key(name: str) -> str:
    """Like no program's key, since no id has a space: so chance is independent of every program's cells."""
    return f"holdout {name}"
