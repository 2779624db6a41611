"""Whether a worker is alive: that it moves, not that it is up."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

SILENT_AFTER_S = 30.0


class Steps(Protocol):
    """A loop that goes round also where there is nothing to do, or Redis or Kafka are away."""

    stepped: float


class Liveness:
    """Asked by another thread than the one that works: a loop that is blocked is noticed too."""

    def __init__(self) -> None:
        self._loops: dict[str, tuple[Steps, Callable[[], bool]]] = {}

    def watch(self, name: str, loop: Steps, is_stuck: Callable[[], bool] = lambda: False) -> None:
        """`is_stuck`: whether it goes round and gets nowhere."""
        self._loops[name] = loop, is_stuck

    def complaints(self) -> Sequence[str]:
        """One sentence for each that does not move; none: it is alive."""
        now = time.monotonic()
        silent = {name: now - each.stepped for name, (each, _) in self._loops.items()}
        found = [f"{name} has stood still for {s:.0f} s" for name, s in silent.items() if s > SILENT_AFTER_S]
        stuck = [name for name, (_, is_stuck) in self._loops.items() if is_stuck()]
        return [*found, *(f"{name} gets nowhere though there is more" for name in stuck)]
