"""What workers count and time; the application turns it into metrics."""

from typing import Protocol


class Meter(Protocol):
    def count(self, name: str, amount: int = 1, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float) -> None: ...

    def gauge(self, name: str, value: float) -> None: ...
