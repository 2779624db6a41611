"""Compiling beside requests: what it makes is in no cycle, and the event loop goes on."""

import asyncio
import gc
import sys
import time
from collections.abc import Iterator

import pytest

from app import ROOT
from app.beside import NEVER, beside
from consumers.live import LivePolicy
from rules.policy import check

SHOP = {
    path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted((ROOT / "examples/web-shop").rglob("*.yaml"))
}


@pytest.fixture
def settled() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()
    gc.unfreeze()


def test_a_policy_goes_when_nobody_refers_to_it(settled: None) -> None:
    compiled = LivePolicy.compiled(check(SHOP))
    ours = type(compiled.ruleset)
    del compiled
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    found = [each for each in gc.garbage if type(each).__module__.startswith(("rules", "profiles", "consumers"))]
    assert ours.__module__.startswith("rules")
    assert found == []


async def test_a_work_that_keeps_the_interpreter_busy_lets_the_loop_go_on() -> None:
    def busy() -> int:
        until, rounds = time.perf_counter() + 0.5, 0
        while time.perf_counter() < until:
            rounds += 1
        return rounds

    work, passes = asyncio.ensure_future(beside(busy)), 0
    while not work.done():
        await asyncio.sleep(0)
        passes += 1
    assert await work > 0
    assert passes > 150  # with Python's five milliseconds a hundred


async def test_settings_of_the_interpreter_are_as_before() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    assert await beside(gc.get_threshold) == (5_000, 10, NEVER)
    with pytest.raises(ZeroDivisionError):
        await beside(lambda: 1 // 0)
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
    gc.unfreeze()


async def test_what_waits_for_its_turn_takes_no_thread_from_others() -> None:
    works = [asyncio.ensure_future(beside(lambda: time.sleep(0.05))) for _ in range(40)]
    await asyncio.to_thread(int)
    assert sum(each.done() for each in works) < len(works)
    await asyncio.gather(*works)
