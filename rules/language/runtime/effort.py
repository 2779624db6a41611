"""What one evaluation may take beside the steps of its macros: the work on what is large.

A value that is compared or written takes eight units, and so do 32 characters that are looked through or made. The
budget is a list of two numbers, the steps and the work that are left, which generated code hands to the functions that
draw on it.
"""

from __future__ import annotations

from typing import Any

from rules.language.runtime.values import Optional, fail

WORK_MAX = 1_000_000
VALUE = 8
"""What a value takes that is compared or written; a unit is about what a character takes."""


def work(budget: list[int], units: int) -> None:
    """Draw on the work that is left."""
    budget[1] -= units
    if budget[1] < 0:
        fail(f"the evaluation takes more than {WORK_MAX:,} units of work")


def scan(budget: list[int], value: Any) -> Any:
    """A text or list that is looked through or was made, counted by its size."""
    if isinstance(value, (str, bytes, list, dict)):
        work(budget, 1 + len(value) // 4)
    return value


def weighed(budget: list[int], value: Any) -> Any:
    """The value, counted with everything in it, however often it is held there."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        work(budget, VALUE)
        scan(budget, part)
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, Optional) and part.present:
            waiting.append(part.value)
    return value
