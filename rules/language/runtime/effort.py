"""What one evaluation may take beside the steps of its macros: the work on what is large.

One unit is a value that is compared or written, or four characters that are looked through or made. The budget is
a list of two numbers, the steps and the work that are left, which generated code hands to the functions that
draw on it.
"""

from __future__ import annotations

from rules.language.runtime.values import fail

WORK_MAX = 1_000_000


def work(budget: list[int], units: int) -> None:
    """Draw on the work that is left."""
    budget[1] -= units
    if budget[1] < 0:
        fail(f"the evaluation takes more than {WORK_MAX:,} units of work")
