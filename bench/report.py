"""What every benchmark of the project shares: a best-of-N clock, a table, a file of figures, a last line of JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app import COMPILED, ROOT
from app.redis_binary import find_redis_server, redis_version

FIGURES = ROOT / "var" / "bench"
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "redis", "hiredis", "msgspec", "orjson", "numpy")


def best_ns(run: Callable[[], object], repeats: int, within_s: float = 3.0) -> float:
    """The shortest of several runs, in nanoseconds: other load on the machine only ever adds."""
    best, until = float("inf"), time.perf_counter() + within_s
    for _ in range(repeats):
        start = time.perf_counter_ns()
        run()
        best = min(best, time.perf_counter_ns() - start)
        if time.perf_counter() > until:
            break
    return best


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows as columns; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *rest = row
        print(first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)))


def print_figures(name: str, figures: Mapping[str, float], **about: Any) -> None:
    """Writes `var/bench/<name>.json`, with `about` (such as the size of the catalogue), the machine and the versions;
    then prints the figures as the last line, for following them over time."""
    rounded = {each: round(value, 3) for each, value in figures.items()}
    FIGURES.mkdir(parents=True, exist_ok=True)
    found = {"bench": name, "figures": rounded, "about": about, "machine": machine(), "versions": versions()}
    (FIGURES / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(rounded))


def machine() -> dict[str, Any]:
    """`load`: of the last minute, ours included."""
    cpu = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ": unknown")
    memory = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "MemTotal: 0 kB")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": cpu.partition(": ")[2],
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / (1 << 20), 1),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
    }


def versions() -> dict[str, str]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        "python": platform.python_version(),
        "redis-server": ".".join(str(part) for part in redis_version(find_redis_server())),
        **{name: version(name) for name in PACKAGES},
        "opportune": commit.strip(),
        "modules": "machine code" if COMPILED else "sources",
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
