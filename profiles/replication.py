"""Writes that count only once replicas have them: `OPPORTUNE_DURABILITY=replicated`.

Redis acknowledges a write before its replicas have it. `WAIT`, sent behind the write on the same connection, answers
how many of them have everything up to it in memory. It undoes nothing: a write that too few replicas have stays
where it is, and whoever sent it is told that it is not known to be kept and may repeat it.
"""

from typing import Any

from profiles.errors import StoreUnavailable
from profiles.scripts import Batch

WITHIN_MS = 1_000
"""How long replicas may take; less than the time within which a connection must answer."""


async def run_until_replicated(batch: Batch, replicas: int) -> list[Any]:
    """Runs the batch and returns its answers once so many replicas have what it wrote; with 0 at once.

    A command that only read waits too: for everything that was written before it, by whomever.
    Raises StoreUnavailable, also where too few replicas have it in time.
    """
    if not replicas:
        return await batch.run()
    batch.add("WAIT", replicas, WITHIN_MS)
    *answers, reached = await batch.run()
    if int(reached) < replicas:
        raise StoreUnavailable(
            f"{reached} of {replicas} replicas had the write within {WITHIN_MS / 1000:g} s; it is not known to be kept"
        )
    return answers


def online(replication: dict[str, Any]) -> int:
    """How many replicas follow, from the answer to `INFO replication`."""
    followers = (value for name, value in replication.items() if name.startswith("slave") and isinstance(value, dict))
    return sum(each.get("state") == "online" for each in followers)
