"""One thing that stands against a candidate, as both views read it."""

from dataclasses import dataclass

from rules.language import Lacking
from rules.reasons import Reason
from schemas.ledger import LedgerEntry


@dataclass(frozen=True, slots=True)
class Found:
    reason: Reason
    where: str
    """What it is written at."""
    text: str
    """What would have to change."""
    condition: str | None = None
    lacking: Lacking | None = None
    until_ms: int | None = None
    """When it ends by itself."""
    entries: tuple[LedgerEntry, ...] = ()
    """What of the ledger it follows from."""
