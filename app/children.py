"""Child processes that are started again when they end by themselves.

Children do not get the terminal's Ctrl-C (a session of their own) but do end with us, however we end
(app/launcher.py).
"""

import asyncio
import logging
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from app.errors import ChildEnded
from app.launcher import launched

PAUSE_S = 0.1
PAUSE_MAX_S = 5.0
STEADY_S = 30.0
"""Who ran for this long before it ended is started again without waiting longer than the first time."""

Ready = Callable[[], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


class Child:
    """One program. `start()` it once; from then on it runs until `stop()`."""

    def __init__(
        self, name: str, command: Sequence[str], *, environ: Mapping[str, str], keep_open: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.starts = 0
        self._command = launched(command)
        self._environ = environ
        self._keep_open = keep_open
        self._stopping = asyncio.Event()
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self, ready: Ready | None = None) -> None:
        """Returns when `ready` does. Raises ChildEnded if the program ends before; `stop()` it then as well."""
        process = await self._spawn()
        self._watch = asyncio.create_task(self._keep_running(process))
        if ready is not None:
            await self._first_of(ready, process)

    async def stop(self, within_s: float) -> None:
        """SIGTERM, and SIGKILL for what has not ended in time."""
        self._stopping.set()
        if self._watch is None:
            return
        self._send_term()
        done, _ = await asyncio.wait([self._watch], timeout=within_s)
        if not done:
            log.warning("did not end in time, killed", extra={"child": self.name, "within_s": within_s})
            self._kill()
        await self._watch

    async def _spawn(self) -> Process:
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=dict(self._environ),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=tuple(self._keep_open),
        )
        if self._stopping.is_set():
            self._send_term()
        return self._process

    async def _first_of(self, ready: Ready, process: Process) -> None:
        waiting = asyncio.create_task(ready())
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait([waiting, ended], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ChildEnded(f"{self.name} ended before it was ready (exit code {process.returncode})")
            await waiting
        finally:
            waiting.cancel()
            ended.cancel()

    async def _keep_running(self, process: Process) -> None:
        pause_s = PAUSE_S
        while True:
            began = time.monotonic()
            code = await process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > STEADY_S:
                pause_s = PAUSE_S
            log.error("ended, starting it again", extra={"child": self.name, "code": code, "pause_s": pause_s})
            if await self._stopped_within(pause_s):
                return
            pause_s = min(2 * pause_s, PAUSE_MAX_S)
            process = await self._spawn()

    async def _stopped_within(self, pause_s: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), pause_s)
        except TimeoutError:
            return False
        return True

    def _send_term(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
