"""Compiling and checking beside requests that must not wait for it: a policy may take half a minute.

In a process of its own (app/errand.py), so that requests keep the interpreter; what comes of it is put together here
in steps of half a millisecond, and let go of in such steps when nobody refers to it any more (app/crossing.py).

Where a process cannot be started, and for a policy so small that it would be compiled before one has begun, in a thread
that gives the interpreter back within a tenth of a millisecond: Python lets a thread go on for five, and a request
needs the interpreter ten times. Nor does anybody wait for a garbage collection of all that is made, which stops every
thread, for a second at 5,000 offers: only what is young is looked at meanwhile, and what there is at the end is kept
out of all collections to come. That leaks nothing: a policy is in no cycle (tests/app/test_beside.py), so it goes when
nobody refers to it any more.
"""

import asyncio
import gc
import logging
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from itertools import chain
from typing import Any, TypeVar

from app.crossing import let_go, put_together
from app.errand import Errand, Failed

log = logging.getLogger(__name__)

Result = TypeVar("Result")

SMALL = 30_000
"""Characters of a policy that is compiled in a fifth of a second; a process takes one and a half to begin."""
STEP_S, PAUSE_S = 0.0005, 0.001
SWITCH_S = 0.0001
YOUNG, MIDDLE, NEVER = 5_000, 10, 1_000_000_000
"""A collection of what is young takes half a millisecond, one of the middle ages five."""

_alone = ThreadPoolExecutor(1, "beside")
"""Its own: what waits for its turn is not to take the threads of other work."""


async def beside(work: Callable[..., Result], files: Mapping[str, str], *more: Any) -> Result:
    """What `work` gives for the files of a policy and more; a function of a module. One work at a time.

    Raises what it raises, and UndoneError if the process that does it dies again and again.
    """
    errand = Errand(work, (files, *more))
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_alone, copy_context().run, _done, errand, work, files, more)
    finally:
        errand.give_up()


def _done(errand: Errand, work: Callable[..., Any], files: Mapping[str, str], more: tuple[Any, ...]) -> Any:
    if sum(map(len, files.values())) > SMALL:
        try:
            value, pieces = errand.done(_taken_over)
        except OSError:
            log.exception("no process can be started to compile in; requests may have to wait")
        else:
            return _gentle(value, pieces)
    with _considerate(MIDDLE):
        return work(files, *more)


def _taken_over(steps: Iterator[bytes]) -> tuple[Any, list[Any]]:
    """The value, and what it is made of."""
    made, first = list[Any](), next(steps)  # until there is one, nothing is done here
    with _considerate(NEVER):
        until = time.perf_counter() + STEP_S
        for step in chain((first,), steps):
            for _ in put_together(step, made):
                if time.perf_counter() > until:
                    time.sleep(PAUSE_S)
                    until = time.perf_counter() + STEP_S
    return made.pop(), made


def _gentle(value: Any, pieces: list[Any]) -> Any:
    """The value, whose pieces will go a few at a time when nobody refers to it any more. Raises what the work did."""
    if isinstance(value, Failed):
        raise value.error
    if type(value).__weakrefoffset__:
        weakref.finalize(value, _let_go_aside, pieces).atexit = False
    return value


def _let_go_aside(pieces: list[Any]) -> None:
    threading.Thread(target=let_go, args=(pieces,), name="letting go", daemon=True).start()


@contextmanager
def _considerate(middle: int) -> Iterator[None]:
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(YOUNG, middle, NEVER)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)
