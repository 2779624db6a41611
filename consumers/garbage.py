"""Garbage collection for a process that folds or decides: rarer, and without what it keeps for long."""

import gc

YOUNG = 100_000
"""Containers made before the youngest generation is looked at; Python's default is 700, half a profile's worth of
JSON, so that every batch is walked again and again while it is in use."""


FULL_EVERY = 16
"""Each so many policies, what the earlier ones have left is collected: that takes a tenth of a second and more, and a
policy leaves about a quarter of itself, in cycles."""


def collect_rarely() -> None:
    """When the process has loaded what it keeps. Only cycles wait longer; the rest is counted."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)


class Keeping:
    """To be called after each policy that a process has taken over: nobody is to walk through it again and again. As a
    rule nothing is collected, so that no request waits for it."""

    def __init__(self) -> None:
        self._taken = 0

    def __call__(self) -> None:
        self._taken += 1
        if self._taken % FULL_EVERY:
            gc.freeze()
        else:
            collect_rarely()
