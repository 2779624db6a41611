"""How what runs for ever is told to stop, and waits meanwhile."""

import asyncio


class Stopping:
    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def ask(self) -> None:
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    async def pause(self, seconds: float) -> None:
        """Waits so long, or until it is to stop; others go on also where there is nothing to wait for."""
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            await asyncio.sleep(0)
