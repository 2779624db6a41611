"""Processes under load: what they are started with, and what they have used, of a process with its children (Linux)."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from app import ROOT
from app.redis_binary import find_redis_server, redis_version
from app.redis_settings import as_arguments, redis_settings

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


async def output(command: list[str]) -> str:
    """What it prints. Raises CalledProcessError."""
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return str(done.stdout, "utf-8").strip()


def wrk() -> str:
    """Where wrk is, the load generator of the Debian package of that name."""
    found = shutil.which("wrk")
    if found is None:
        sys.exit("this benchmark needs wrk: apt-get install wrk")
    return found


def redis_options() -> tuple[str, ...]:
    """As the embedded one is started."""
    return tuple(as_arguments(redis_settings(redis_version(find_redis_server()), "everysec")))
