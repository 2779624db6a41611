"""What every benchmark of the project shares: a best-of-N clock, a table, and a last line of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence


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


def print_figures(figures: Mapping[str, float]) -> None:
    """The last line, for following figures over time."""
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
