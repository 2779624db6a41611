"""What a scenario is at, told as it goes on, and an end to one that takes too long: then it says where it stands.

Told on stderr: whoever looks at a run that hangs sees the last line. With pytest it is shown where a test fails.
"""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

STUCK_S = 60.0
"""So long after its bound a process that has not ended either ends itself, and shows where it is: it has some servers
to stop, each within ten seconds."""
_began = time.monotonic()


class TookTooLong(AssertionError):  # noqa: N818 (reads as a sentence where it is raised)
    """Holds what every task was waiting for."""


def say(what: str) -> None:
    """With the seconds since the process began."""
    sys.stderr.write(f"{time.monotonic() - _began:7.1f} s  {what}\n")
    sys.stderr.flush()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Before, and how long it took."""
    began = time.monotonic()
    say(f"{what} …")
    yield
    say(f"{what}: {time.monotonic() - began:.1f} s")


@asynccontextmanager
async def bounded(what: str, within_s: float) -> AsyncIterator[None]:
    """Raises TookTooLong. A process that cannot even give up ends, and shows what its tasks and threads are at."""
    loop = asyncio.get_running_loop()
    watchdog = threading.Timer(within_s + STUCK_S, _end, (what, loop))
    watchdog.daemon = True
    watchdog.start()
    stacks: list[str] = []
    looking = loop.call_later(within_s, lambda: stacks.append(_all_stacks(loop)))
    try:
        async with asyncio.timeout(within_s + 0.1):
            yield
    except TimeoutError as cause:
        if not stacks:
            raise
        raise TookTooLong(f"{what} did not end within {within_s:g} s; its tasks:\n{stacks[0]}") from cause
    finally:
        looking.cancel()
        watchdog.cancel()


def _end(what: str, loop: asyncio.AbstractEventLoop) -> None:
    say(f"{what} cannot even give up; its tasks:\n{_all_stacks(loop)}\nits threads:")
    faulthandler.dump_traceback()
    os._exit(1)


def _all_stacks(loop: asyncio.AbstractEventLoop) -> str:
    """Of each task the whole chain of what waits for what, not only the outermost as asyncio has it."""
    found = sorted({"\n".join(_chain(each.get_coro())) for each in asyncio.all_tasks(loop)})
    return "\n\n".join(found)


def _chain(coroutine: Any) -> Iterator[str]:
    while coroutine is not None:
        kind = next((each for each in ("cr", "ag", "gi") if hasattr(coroutine, f"{each}_frame")), None)
        if kind is None:
            break
        frame = getattr(coroutine, f"{kind}_frame")
        if frame is not None:
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        coroutine = getattr(coroutine, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
