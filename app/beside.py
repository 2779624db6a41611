"""Compiling and checking beside requests that must not wait for it: a policy may take half a minute.

In a thread, and so that the event loop gets the interpreter back within a tenth of a millisecond whenever it has
something to do: Python lets a thread go on for five, and a request needs the interpreter ten times. Nor does anybody
wait for a garbage collection of all that the work makes, which stops every thread, for a second at 5,000 offers: only
what is young is looked at meanwhile, and what there is at the end is kept out of all collections to come. That leaks
nothing: a policy is in no cycle (tests/app/test_beside.py), so it goes when nobody refers to it any more.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

Result = TypeVar("Result")

SWITCH_S = 0.0001
YOUNG, MIDDLE, NEVER = 5_000, 10, 1_000_000_000
"""A collection of what is young takes half a millisecond, one of the middle ages five."""

_alone = ThreadPoolExecutor(1, "beside")
"""Its own: what waits for its turn is not to take the threads of other work."""


async def beside(work: Callable[[], Result]) -> Result:
    """What the work gives. One work at a time."""
    return await asyncio.get_running_loop().run_in_executor(_alone, copy_context().run, _gently, work)


def _gently(work: Callable[[], Result]) -> Result:
    with _considerate():
        return work()


@contextmanager
def _considerate() -> Iterator[None]:
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
