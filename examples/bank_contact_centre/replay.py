"""The desks of the contact centre: each takes the next call, asks, makes the offer and sends the answer back.

Calls start in the order of the file, with as many in progress as there are desks. A question is asked once: it
makes a decision each time. An answer may be sent again, since repeating it changes nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from examples.bank_contact_centre.calls import Call
from examples.bank_contact_centre.client import Connection

DESKS = 24


@dataclass(slots=True)
class Tally:
    """What the desks have seen with their own eyes."""

    calls: int = 0
    proposed: int = 0
    accepted: int = 0
    declined: int = 0
    withheld: int = 0
    real_yes: int = 0
    """Calls so far in which the client said yes, whether or not we proposed anything."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Candidates that were not proposed, by reason."""
    last_declined: Call | None = None
    """To try a second call with."""
    seconds: float = 0.0

    def decided(self, call: Call, decision: dict[str, Any]) -> None:
        self.calls += 1
        self.real_yes += call.says_yes
        self.proposed += len(decision["treatments"])
        self.withheld += len(decision["withheld"])
        self.left_out.update(each["reason"] for each in decision["left_out"])

    def answered(self, call: Call) -> None:
        if call.says_yes:
            self.accepted += 1
        else:
            self.declined += 1
            self.last_declined = call


async def replay(calls: Iterable[Call], connect: Callable[[], Connection], tally: Tally, desks: int = DESKS) -> None:
    """Counts into `tally` as it goes. Raises ApiError as soon as one call goes wrong."""
    waiting, started = iter(calls), perf_counter()
    try:
        async with asyncio.TaskGroup() as staff:
            for _ in range(desks):
                staff.create_task(_desk(waiting, connect, tally))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        tally.seconds = perf_counter() - started


async def _desk(waiting: Iterator[Call], connect: Callable[[], Connection], tally: Tally) -> None:
    async with connect() as connection:
        for call in waiting:
            await _take(call, connection, tally)


async def _take(call: Call, connection: Connection, tally: Tally) -> None:
    decision = await connection.post("/v1/decisions", call.request)
    tally.decided(call, decision)
    for treatment in decision["treatments"]:
        answer = {"code": treatment["code"], "outcome": call.answer}
        await connection.post("/v1/responses", answer, repeatable=True)
        tally.answered(call)
