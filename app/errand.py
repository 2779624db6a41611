"""Work that a process of its own does, which ends with it: it shares no interpreter with those who answer requests.

The process is told on its standard input what to call, and answers on its standard output with what came of it, taken
apart (app/crossing.py). It ends with its parent, however that ends (app/launcher.py), gives way to whoever wants the
processor, and never looks for garbage: it ends before there is much.
"""

import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, TypeVar

from app import ROOT
from app.crossing import OURS, taken_apart
from app.launcher import launched

log = logging.getLogger(__name__)

Taken = TypeVar("Taken")

TRIES = 3
GIVES_WAY = 10
"""How nice it is. It gets a tenth of what somebody who answers gets where both want the same processor."""
OUT_OF_MEMORY = Path("/proc/self/oom_score_adj")
OTHER_PROGRAM = 3
"""How it ends if it is not the program that has started it."""
SIZE = 8


class UndoneError(RuntimeError):
    """The process has ended before the work was done; says how."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What the work has raised, with the place where it did."""

    error: BaseException


def program() -> str:
    """Changes with every source of Opportune."""
    found = blake2b(digest_size=8)
    for file in sorted(each for name in OURS for each in (ROOT / name).rglob("*.py")):
        stat = file.stat()
        found.update(f"{file} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return found.hexdigest()


PROGRAM = program()
"""What runs here, whatever has been put in its place since."""


class Errand:
    """One call of a function of a module, for a thread that waits for it: one that lives as long as this process."""

    def __init__(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._order = work, arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self.is_over = False
        """Nobody waits for it any more."""

    def done(self, take: Callable[[Iterator[bytes]], Taken]) -> Taken:
        """What `take` makes of what came of it, taken apart; called again if the process dies.

        Raises OSError where no such process can be started, and UndoneError if one after the other dies.
        """
        for attempt in range(1, TRIES + 1):
            try:
                with self._started() as process:
                    try:
                        return take(self._answer(process))
                    finally:
                        process.kill()
            except UndoneError:
                if self.is_over or attempt == TRIES:
                    raise
                log.exception("a policy was not compiled; once more")
        raise AssertionError

    def give_up(self) -> None:
        with self._changing:
            self.is_over = True
            if self._process is not None:
                self._process.kill()

    def require_waited_for(self) -> None:
        """Raises UndoneError if nobody waits for it any more."""
        if self.is_over:
            raise UndoneError("nobody waits for it any more")

    def _started(self) -> subprocess.Popen[bytes]:
        command = launched([sys.executable, "-P", "-c", "from app.errand import main; main()", PROGRAM])
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with self._changing:
            self.require_waited_for()
            self._process = subprocess.Popen(  # noqa: S603 – no shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
                process_group=0,  # Ctrl-C is for us to judge; in another session Linux would not let it give way
            )
            return self._process

    def _answer(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """Every step. Raises OSError and UndoneError."""
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(pickle.dumps(self._order))
        while len(head := process.stdout.read(SIZE)) == SIZE:
            if not (size := int.from_bytes(head)):
                return
            if len(step := process.stdout.read(size)) < size:
                break
            yield step
            self.require_waited_for()
        raise _undone(process.wait())


def _undone(ended: int) -> Exception:
    if ended == OTHER_PROGRAM:
        return OSError("the program was changed since this process was started; start it again")
    by = f"signal {signal.Signals(-ended).name}" if ended < 0 else f"exit code {ended}"
    return UndoneError(f"the process that does the work ended with {by}")


def _answered(step: bytes) -> bytes:
    return len(step).to_bytes(SIZE) + step


def _came_of(order: IO[bytes]) -> Any:
    try:
        work, arguments = pickle.load(order)  # noqa: S301 – from the process that has started this one
        return work(*arguments)
    except Exception as error:  # noqa: BLE001 – it is raised where the work was asked for
        error.add_note(f"in a process of its own:\n{traceback.format_exc()}")
        return Failed(_that_crosses(error))


def _that_crosses(error: BaseException) -> BaseException:
    """The error, or one that says the same where it does not pickle."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 – written in the same line
    except Exception:  # noqa: BLE001 – whatever its class does
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def main() -> None:
    if sys.argv[1:] != [PROGRAM]:
        sys.exit(OTHER_PROGRAM)
    os.nice(GIVES_WAY)
    _killed_first()
    gc.disable()
    answer, sys.stdout = sys.stdout.buffer, sys.stderr  # what is printed is no answer
    for step in taken_apart(_came_of(sys.stdin.buffer)):
        answer.write(_answered(step))
    answer.write(_answered(b""))
    answer.flush()


def _killed_first() -> None:
    """Where memory runs out Linux kills this process, and not one that answers requests."""
    with suppress(OSError):
        OUT_OF_MEMORY.write_text("1000")
