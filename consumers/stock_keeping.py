"""Keeps the stock of the shards owned in order: what is held no longer is freed, both sides of each transfer are made
to agree (a crash or a failover may have left them apart), what is owed is drawn, and all of it is measured.

Decisions do not wait for it: they free and draw what they need themselves.
"""

import logging
from collections.abc import Callable, Mapping

from consumers.live import PolicySource
from consumers.meter import Meter
from consumers.stopping import Stopping
from profiles.shelf import FIELDS, Count, Shelf
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class StockKeeping:
    """Of the shards that `owned` names."""

    def __init__(
        self, store: CustomerStore, policies: PolicySource, owned: Callable[[], frozenset[int]], meter: Meter
    ) -> None:
        self._store = store
        self._policies = policies
        self._owned = owned
        self._meter = meter
        self._oversold: dict[str, int] = {}
        self._stopping = Stopping()

    def stop(self) -> None:
        self._stopping.ask()

    async def run(self) -> None:
        await self._stopping.repeat(self.look, LOOK_EVERY_S, log)

    async def look(self) -> None:
        """Once. Raises StoreUnavailable."""
        shelf = None if self._policies.current is None else self._policies.current.shelf
        shards = sorted(self._owned())
        if shelf is None or not shards:
            return
        await self._store.stocks.adopt(shelf)
        counts = dict(zip(shards, await self._store.stocks.read_each(shards, shelf), strict=True))
        pools = dict(zip(shelf.supplies, await self._store.stocks.pools(shelf.supplies), strict=True))
        for shard, found in counts.items():
            for name, count in found.items():
                known = pools[name].shards.get(shard, (0, 0))
                is_closed = bool(count.closed)
                if count.owed or is_closed != pools[name].lacks or known != (count.granted, count.returned):
                    await self._store.stocks.settle(shard, shelf.supplies[name], count)
        self._measure(shelf, counts)

    def _measure(self, shelf: Shelf, counts: Mapping[int, Mapping[str, Count]]) -> None:
        for name in shelf.supplies:
            total = sum((found[name] for found in counts.values()), Count())
            for field in FIELDS:
                if field not in ("returned", "closed"):
                    self._meter.gauge(f"stock_{field}", getattr(total, field), supply=name)
            if total.owed > self._oversold.get(name, 0):
                log.warning("used beyond what there was", extra={"supply": name, "owed": total.owed})
            self._oversold[name] = total.owed
