"""Workers that kill themselves at named steps, one death after the other (tests/sim/mortal_worker.py)."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.faults.rig import Rig
from tests.sim import mortal_worker
from tests.sim.mortal_worker import STEPS, WHEN

DEAD_WITHIN_S = 15.0
ELSEWHERE = ("adjust", "forgotten", "lease", "lock", "mend", "put_back", "settle", "sweep")
"""Of rebuilds, erasures and dead letters that are put back: nothing of that happens here (tests/sim has these)."""
OURS = [f"{step} {when}" for step in STEPS if step not in ELSEWHERE for when in WHEN]


class Mortals:
    def __init__(self, rig: Rig, names: tuple[str, ...], deaths: int) -> None:
        self._rig = rig
        self._book = Path(rig.environ["OPPORTUNE_REDIS"].removeprefix("unix://")).with_name("deaths")
        self._left = random.SystemRandom().sample(OURS, min(deaths, len(OURS)))
        self.wanted = len(self._left)
        self._processes: dict[str, ForkServerProcess | None] = dict.fromkeys(names)
        self.died = 0

    @property
    def met(self) -> set[str]:
        return set(self._book.read_text().splitlines()) if self._book.exists() else set()

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            for name in self._processes:
                self._start(name)
            yield
        finally:
            for process in self._processes.values():
                if process is not None:
                    process.kill()
                    process.join()

    async def die(self) -> None:
        """Each worker dies one death after the other until all are died."""
        await asyncio.gather(*(self._dying(name) for name in self._processes))

    def start_well(self) -> None:
        """Those that go on to the end."""
        for name, process in self._processes.items():
            if process is None or not process.is_alive():
                self._start(name)

    async def _dying(self, name: str) -> None:
        while self._left:
            self._kill(name)
            self._start(name, self._left.pop())
            give_up = time.monotonic() + DEAD_WITHIN_S
            while self._is_alive(name) and time.monotonic() < give_up:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            self._kill(name)  # at some other moment, where that step did not come
            self.died += 1
        self._start(name)

    def _is_alive(self, name: str) -> bool:
        process = self._processes[name]
        return process is not None and process.is_alive()

    def _kill(self, name: str) -> None:
        if (process := self._processes[name]) is not None:
            process.kill()
            process.join()

    def _start(self, name: str, death: str | None = None) -> None:
        environ = {**self._rig.worker_environ(name), "SIM_DEATHS": str(self._book)}
        if death is not None:
            environ["SIM_DEATH"] = f"{death} {random.SystemRandom().choice((1, 2, 5))}"
        self._processes[name] = mortal_worker.started(environ)
