"""Do the service's figures and the desks' own agree, to the unit?"""

import asyncio
from time import monotonic
from typing import Any

from examples.bank_contact_centre.client import Connection
from examples.bank_contact_centre.replay import Tally

LOOK_EVERY_S = 0.5
STANDSTILL_S = 30.0
"""The workers fold what the API has taken in; so long without any progress means that they do not."""


async def settled_scorecard(connection: Connection, tally: Tally) -> dict[str, Any]:
    """The scorecard once it agrees with the desks, or as it is when it no longer moves."""
    card: dict[str, Any] = await connection.get("/v1/scorecard")
    moved = monotonic()
    while disagreements(card["totals"], tally) and monotonic() - moved < STANDSTILL_S:
        await asyncio.sleep(LOOK_EVERY_S)
        later: dict[str, Any] = await connection.get("/v1/scorecard")
        if later["totals"] != card["totals"]:
            moved = monotonic()
        card = later
    return card


def disagreements(totals: dict[str, Any], tally: Tally) -> list[str]:
    """One sentence for each figure that differs."""
    told = figures(totals)
    seen = {
        "interactions": tally.calls,
        "decisions": tally.calls,
        "presented": tally.accepted + tally.declined,
        "accepted": tally.accepted,
        "declined": tally.declined,
        "withheld": tally.withheld,
    }
    found = [
        f"{name}: the scorecard says {told[name]:,}, the desks counted {count:,}"
        for name, count in seen.items()
        if told[name] != count
    ]
    if totals["decided"] != tally.proposed:
        found.append(f"treatments: the scorecard says {totals['decided']:,}, the desks got {tally.proposed:,}")
    return found


def figures(totals: dict[str, Any]) -> dict[str, int]:
    """The figures of the demo's last line, as the scorecard has them."""
    return {
        "interactions": totals["interactions"],
        "decisions": totals["decisions"],
        "presented": totals["presented"],
        "accepted": totals["outcomes"].get("accepted", 0),
        "declined": totals["outcomes"].get("declined", 0),
        "withheld": totals["withheld"],
    }
