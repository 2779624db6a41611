"""Erases a customer: the request goes into the customer's log, a worker does it, the receipt says so.

Asking again is harmless: each request is a receipt of its own, and one that finds nothing removes nothing. There is no
"unknown id" here: whether something of an id still stands in the log can be told only when the log has been followed.
"""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import orjson

from consumers.erasing import RECEIPTS
from profiles.people import People
from profiles.registry import Registry
from profiles.store import ERASURES, CustomerStore, Record
from schemas.base import at_ms, rfc3339
from schemas.erasure import ErasureReceipt, ErasureRecord

WAIT_S = 5.0
LOOK_EVERY_S = 0.05


class Erasing:
    """`wait_s`: how long a call waits for a worker to do it."""

    def __init__(self, store: CustomerStore, registry: Registry, wait_s: float = WAIT_S) -> None:
        self._store = store
        self._people = People(store)
        self._registry = registry
        self._wait_s = wait_s

    async def erase(self, subject: str, now: datetime) -> ErasureReceipt:
        """The receipt; `pending` if no worker has done it in time. Whoever belongs to a customer is erased with that
        customer, and so is everybody else who belongs to them. Raises StoreUnavailable."""
        subject = await self._people.top(subject)
        asked = ErasureRecord(receipt=secrets.token_hex(12), requested_ms=at_ms(now))
        pending = ErasureReceipt(receipt=asked.receipt, state="pending", requested=rfc3339(asked.requested_ms))
        await self._store.append([Record(ERASURES, asked.receipt, subject, orjson.dumps(asked.model_dump()))])
        await self._registry.put_new(RECEIPTS, asked.receipt, pending.model_dump_json().encode())
        give_up = time.monotonic() + self._wait_s
        while time.monotonic() < give_up:
            found = await self.receipt(asked.receipt)
            if found is not None and found.state == "done":
                return found
            await asyncio.sleep(LOOK_EVERY_S)
        return pending

    async def receipt(self, receipt: str) -> ErasureReceipt | None:
        """With those of all who were told of it, and of who was told by them: done once they are. None for one that was
        never given. Raises StoreUnavailable."""
        known: dict[str, ErasureReceipt | None] = {}
        asking = [receipt]
        while asking:
            found = await self._registry.some(RECEIPTS, asking)
            read = {
                name: None if text is None else ErasureReceipt.model_validate_json(text) for name, text in found.items()
            }
            known |= read
            asking = [name for each in read.values() if each is not None for name in each.told if name not in known]
        first = known.pop(receipt)
        return None if first is None else _together(first, known)


def _together(first: ErasureReceipt, told: Mapping[str, ErasureReceipt | None]) -> ErasureReceipt:
    there = [each for each in (first, *told.values()) if each is not None]
    is_done = len(there) == 1 + len(told) and all(each.state == "done" for each in there)
    removed: Counter[str] = Counter()
    for each in there:
        removed.update(each.removed or {})
    found = {"state": "done" if is_done else "pending", "told": tuple(told)}
    return first.model_copy(
        update={**found, "removed": None if first.removed is None else dict(sorted(removed.items()))}
    )
