"""Until when a treatment holds what it takes. Worked out alike by whoever decides, from the facts, and by whoever moves
the stock."""

from collections.abc import Iterable, Mapping

from schemas.ledger import LedgerEntry
from schemas.policy import HandOver


def held_until_ms(
    entry: LedgerEntry, supply: str, proposal: Iterable[LedgerEntry], hand_overs: Mapping[str, HandOver]
) -> int:
    """As long as the policy says, and while it is held, each hand-over of the proposal prolongs it to its own end.
    `hand_overs`: by outcome."""
    until_ms = entry.at_ms + entry.takes[supply]["hold_ms"]
    said = sorted(
        (at_ms, hand_overs[name].lasting)
        for each in proposal
        for name, at_ms in each.known_outcomes().items()
        if name in hand_overs
    )
    for at_ms, lasting in said:
        if at_ms <= until_ms:
            until_ms = max(until_ms, at_ms + lasting)
    return until_ms
