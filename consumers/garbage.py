"""Garbage collection for a process that folds or decides: rarer, and without what it keeps for long."""

import gc

YOUNG = 100_000
"""Containers made before the youngest generation is looked at; Python's default is 700, half a profile's worth of
JSON, so that every batch is walked again and again while it is in use."""


def collect_rarely() -> None:
    """Call once, when the process has loaded what it keeps. Only cycles wait longer; the rest is counted."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
