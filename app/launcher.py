"""Starts a program that ends when its parent does, also when the parent is killed with -9.

Run as a script, before the program takes its place: `python launcher.py PARENT_PID PROGRAM [ARGUMENT…]`.
Linux alone can promise this (prctl); elsewhere the program is simply started.
Imports the standard library only.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def launched(command: Sequence[str]) -> list[str]:
    """The command line that starts `command` so that it ends with this process.

    Linux watches the thread that starts it: call it from one that lives as long as the process.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def end_with_parent(parent_pid: int) -> None:
    """Asks for SIGTERM when the parent ends; sends it at once where that has happened already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 (no shell on purpose)
