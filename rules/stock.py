"""What is left of inventories and budgets, as one decision sees it: what it has just chosen counts.

`mandatory` offers are held to it as all others are: what is gone is gone. What was handed over from another channel is
held already by the treatment with which it began.
"""

from collections.abc import Iterator, Mapping

from rules.candidates import Candidate
from rules.handing import Handed
from rules.judgement import Refusal
from rules.reasons import Reason
from schemas.stock import Taking
from schemas.supplies import OF_CAMPAIGN, Supply, shown

NOTHING: Mapping[str, Handed] = {}


class Stock:
    """`known`: what is left of each supply; of one that it does not name, all of it. `handed`: by offer."""

    __slots__ = ("_handed", "_known", "_supplies", "_taken")

    def __init__(
        self, known: Mapping[str, int], supplies: Mapping[str, Supply], handed: Mapping[str, Handed] = NOTHING
    ) -> None:
        self._handed = handed
        self._known = known
        self._supplies = supplies
        self._taken: dict[str, int] = {}

    def needed(self, candidate: Candidate) -> Mapping[str, Taking]:
        """By supply, what a treatment of it takes of what is left."""
        handed = self._handed.get(candidate.offer.id)
        return candidate.takes if handed is None else handed.needed(candidate.takes)

    def left(self, supply: str) -> int:
        known = self._known.get(supply)
        return (self._supplies[supply].total if known is None else known) - self._taken.get(supply, 0)

    def refusal(self, candidate: Candidate) -> Refusal | None:
        """Inventories come before the budget, as their reasons do."""
        if not candidate.takes:
            return None
        for supply, taking in lacking(self, candidate):
            reason, where = said(supply)
            total = shown(supply, self._supplies[supply].total)
            if reason is Reason.INVENTORY:
                return reason, f"{where}: all {total} are taken or reserved"
            return reason, f"{where}: of {total} less is left than its cost of {shown(supply, taking['amount'])}"
        return None

    def take(self, candidate: Candidate) -> None:
        """It counts for what comes after it in the same answer."""
        for supply, taking in self.needed(candidate).items():
            self._taken[supply] = self._taken.get(supply, 0) + taking["amount"]


def lacking(stock: Stock, candidate: Candidate) -> Iterator[tuple[str, Taking]]:
    """Of what there is not enough for it."""
    return (
        (supply, taking) for supply, taking in stock.needed(candidate).items() if stock.left(supply) < taking["amount"]
    )


def said(supply: str) -> tuple[Reason, str]:
    """The reason, and what it is said of."""
    name = supply.partition(":")[2]
    if supply.startswith(OF_CAMPAIGN):
        return Reason.BUDGET, f"budget of {name}"
    return Reason.INVENTORY, f"inventory of {name}"
