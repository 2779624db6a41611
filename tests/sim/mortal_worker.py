"""A real worker that kills itself with SIGKILL at a named step: `OPPORTUNE_*` as for any worker, and

SIM_DEATH="commit within 3"    at the third round trip that has a commit: before it, in the middle of it or after it
SIM_DEATHS=/some/file          a line is added there just before it dies

Processes are forked from one that has imported everything: a start takes milliseconds, so that a run has many.
"""

import multiprocessing
import os
import random
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NoReturn

import uvloop  # noqa: F401  what a worker imports when it starts is imported before

import app.bootstrap  # noqa: F401
from app.cli import app as command_line
from app.launcher import end_with_parent
from profiles.errors import StoreUnavailable
from profiles.scripts import NAMES, Batch, Scripts

WHEN = ("before", "within", "after")
STEPS = tuple(name for name in NAMES if name not in ("append", "read"))
"""`append` is the API's; `read` is what a conflict asks for, which few runs have. Both can be named all the same."""


@dataclass
class Death:
    step: str
    when: str
    left: int
    """How many round trips with this step are still survived."""
    book: Path

    @staticmethod
    def from_env() -> "Death":
        step, when, left = os.environ["SIM_DEATH"].split()
        return Death(step, when, int(left), Path(os.environ["SIM_DEATHS"]))

    def comes(self, names: list[str]) -> bool:
        self.left -= self.step in names
        return self.left <= 0 and self.step in names

    def die(self) -> NoReturn:
        with self.book.open("a") as book:
            book.write(f"{self.step} {self.when}\n")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody survives this")


class MortalBatch(Batch):
    def __init__(self, scripts: Scripts, death: Death) -> None:
        super().__init__(scripts)
        self._death = death

    async def flush(self) -> None:
        await self._meet_death()
        await super().flush()

    async def run(self) -> list[Any]:
        await self._meet_death()
        return await super().run()

    async def _meet_death(self) -> None:
        if not self._death.comes(self._names()):
            return
        if self._death.when != "before":
            until = None if self._death.when == "after" else random.randint(self._flushed, len(self._steps))
            self._steps = self._steps[:until]
            with suppress(StoreUnavailable):
                await super().run()
        self._death.die()

    def _names(self) -> list[str]:
        """The scripts that the next sending calls."""
        names = {sha: name for name, sha in self._scripts.sha.items()}
        return [names[step[1]] for step in self._steps[self._flushed :] if step[0] == "EVALSHA"]


def started(environ: Mapping[str, str]) -> ForkServerProcess:
    """`opportune worker` in a process of its own, with this environment."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload([__name__])
    process = forked.Process(target=_work, args=(dict(environ),), daemon=True)
    process.start()
    return process


def _work(environ: dict[str, str]) -> None:
    end_with_parent(os.getppid())
    os.environ.clear()
    os.environ.update(environ)
    if "SIM_DEATH" in os.environ:
        death = Death.from_env()
        Scripts.batch = lambda self: MortalBatch(self, death)  # type: ignore[method-assign]
    command_line(["worker"], prog_name="opportune")
