"""How what runs for ever is told to stop, and waits meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from profiles.errors import StoreUnavailable


class Stopping:
    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def ask(self) -> None:
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    async def repeat(self, act: Callable[[], Awaitable[object]], every_s: float, log: logging.Logger) -> None:
        """Acts until it is to stop; where the store is away, that is logged and it is tried again."""
        while not self.asked:
            try:
                await act()
            except StoreUnavailable as cause:
                log.warning("store unavailable", extra={"cause": str(cause)})
            await self.pause(every_s)

    async def pause(self, seconds: float) -> None:
        """Waits so long, or until it is to stop; others go on also where there is nothing to wait for."""
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            await asyncio.sleep(0)
