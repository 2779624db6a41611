"""What processes have used: CPU time and resident memory, of a process with its children (Linux, /proc)."""

import os
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    """User and system, in steps of 10 ms."""
    return sum(_cpu_s(each) for each in family(pid))


def resident_bytes(pid: int) -> int:
    return sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) * PAGE for each in family(pid))


def family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from family(int(child))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
