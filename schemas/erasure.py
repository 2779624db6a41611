"""Erasures: as they stand in the log, and the receipt, which says nothing of whom."""

from typing import Literal

from schemas.base import Model


class ErasureRecord(Model):
    """An erasure as it stands in the log, until it is done."""

    receipt: str
    requested_ms: int


class ErasureReceipt(Model):
    """What became of an erasure. Nothing in it tells whose it was."""

    receipt: str
    state: Literal["pending", "done"]
    """`pending` until nothing of the customer is left, and everybody who was told has seen to it."""
    requested: str
    erased: str | None = None
    """From then on the id's events start afresh; the last traces are gone when the state is `done`."""
    removed: dict[str, int] | None = None
    """By kind: customers (identifiers), timers, decisions, codes, records (of the log), dead_letters, actions. What
    those who were told have removed is counted too."""
    told: tuple[str, ...] = ()
    """Receipts of all identifiers that knew this one: who belonged to it is erased too, others forget the name."""
