"""Compiling beside requests: in a process that may die, that nobody may wait for any more, or that cannot be started;
and in a thread, where the event loop goes on."""

import asyncio
import gc
import logging
import os
import random
import signal
import sys
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app import ROOT, errand
from app.beside import NEVER, SMALL, beside
from app.errand import UndoneError
from app.publishing import live_of
from bench import decide as bench
from bench.catalogue import files_of, policy
from consumers.live import LivePolicy
from rules.policy import check
from tests.app.test_crossing import decided

SHOP = {
    path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted((ROOT / "examples/web-shop").rglob("*.yaml"))
}
LARGE = {"policy.yaml": " " * SMALL + "\n"}
GONE_WITHIN_S = 10.0


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


def process_id(files: Mapping[str, str]) -> int:
    return os.getpid()


def oom_score(files: Mapping[str, str]) -> str:
    return errand.OUT_OF_MEMORY.read_text().strip()


def refuse(files: Mapping[str, str], what: str) -> None:
    raise ValueError(what)


def refuse_oddly(files: Mapping[str, str]) -> None:
    class OddError(ValueError):
        """Of no module, so that it does not pickle."""

    raise OddError("only Mondays")


def die(files: Mapping[str, str], path: str, times: int) -> int:
    """Kills its process so many times; from then on it says how often it was called."""
    with Path(path).open("a+") as marks:
        marks.write("x")
        marks.flush()
        marks.seek(0)
        count = len(marks.read())
    if count <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return count


def linger(files: Mapping[str, str], path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def busy(files: Mapping[str, str]) -> int:
    until, rounds = time.perf_counter() + 0.5, 0
    while time.perf_counter() < until:
        rounds += 1
    return rounds


def thresholds(files: Mapping[str, str]) -> tuple[int, int, int]:
    return gc.get_threshold()


def nap(files: Mapping[str, str]) -> None:
    time.sleep(0.05)


async def until_written(path: Path) -> int:
    """The number in it."""
    give_up = time.monotonic() + 60
    while not (found := read(path)):
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)
    return int(found)


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def until_gone(pid: int) -> None:
    give_up = time.monotonic() + GONE_WITHIN_S
    with suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)
            assert time.monotonic() < give_up, f"{pid} is still there"
            await asyncio.sleep(0.01)


async def test_a_large_policy_is_compiled_elsewhere_and_decides_the_same() -> None:
    files = files_of(policy(100, random.Random(1), rules=200))
    assert sum(map(len, files.values())) > SMALL
    there, here = await beside(live_of, files), live_of(files)
    for facts in bench.customers(here.ruleset, random.Random(2)):
        assert decided(facts, there.ruleset, bench.NOW_MS, 3) == decided(facts, here.ruleset, bench.NOW_MS, 3)
    rules = weakref.ref(there.ruleset)
    del there
    give_up = time.monotonic() + GONE_WITHIN_S
    while rules() is not None:
        assert time.monotonic() < give_up
        await asyncio.sleep(0.01)


async def test_where_it_is_done_follows_from_the_size() -> None:
    assert await beside(process_id, SHOP) == os.getpid()
    assert await beside(process_id, LARGE) != os.getpid()


@pytest.mark.parametrize("files", [SHOP, LARGE], ids=["here", "elsewhere"])
async def test_what_is_refused_is_refused_in_the_same_words(files: Mapping[str, str]) -> None:
    with pytest.raises(ValueError, match="only Mondays") as raised:
        await beside(refuse, files, "only Mondays")
    assert str(raised.value) == "only Mondays"


async def test_an_error_that_cannot_leave_its_process_is_told_all_the_same() -> None:
    with pytest.raises(RuntimeError, match="OddError: only Mondays"):
        await beside(refuse_oddly, LARGE)


async def test_a_policy_with_errors_is_refused_elsewhere_too() -> None:
    with pytest.raises(ValueError, match="only a policy without errors can be made live"):
        await beside(live_of, LARGE)


async def test_a_process_that_dies_is_logged_and_another_one_does_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await beside(die, LARGE, str(tmp_path / "marks"), 1) == 2
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR
    assert logged.exc_info is not None
    assert str(logged.exc_info[1]) == "the process that does the work ended with signal SIGKILL"


async def test_one_that_always_dies_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndoneError, match="SIGKILL"):
        await beside(die, LARGE, str(tmp_path / "marks"), 99)
    assert (tmp_path / "marks").read_text() == "x" * errand.TRIES


@pytest.mark.skipif(not errand.OUT_OF_MEMORY.exists(), reason="Linux alone has it")
async def test_where_memory_runs_out_it_goes_first() -> None:
    ours = errand.OUT_OF_MEMORY.read_text()
    assert await beside(oom_score, LARGE) == "1000"
    assert errand.OUT_OF_MEMORY.read_text() == ours


async def test_where_no_process_can_be_started_it_is_done_here(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert await beside(process_id, LARGE) == os.getpid()
    assert [each.message for each in caplog.records] == [
        "no process can be started to compile in; requests may have to wait"
    ]


async def test_a_program_that_was_changed_meanwhile_does_not_work_for_this_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(errand, "PROGRAM", "another")
    assert await beside(process_id, LARGE) == os.getpid()
    assert "the program was changed since this process was started" in caplog.text


async def test_when_nobody_waits_any_more_the_process_ends(tmp_path: Path) -> None:
    asked = asyncio.create_task(beside(linger, LARGE, str(tmp_path / "pid")))
    pid = await until_written(tmp_path / "pid")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await until_gone(pid)
    assert await beside(process_id, LARGE) not in (pid, os.getpid())  # and the next one has its turn


async def test_a_work_that_keeps_the_interpreter_busy_lets_the_loop_go_on() -> None:
    work, passes = asyncio.ensure_future(beside(busy, SHOP)), 0
    while not work.done():
        await asyncio.sleep(0)
        passes += 1
    assert await work > 0
    assert passes > 150  # with Python's five milliseconds a hundred


async def test_settings_of_the_interpreter_are_as_before() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    assert await beside(thresholds, SHOP) == (5_000, 10, NEVER)
    with pytest.raises(ValueError, match="no"):
        await beside(refuse, SHOP, "no")
    await beside(process_id, LARGE)
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
    gc.unfreeze()


async def test_what_waits_for_its_turn_takes_no_thread_from_others() -> None:
    works: list[asyncio.Future[Any]] = [asyncio.ensure_future(beside(nap, SHOP)) for _ in range(40)]
    await asyncio.to_thread(int)
    assert sum(each.done() for each in works) < len(works)
    await asyncio.gather(*works)
