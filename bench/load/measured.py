"""What was measured of a site under load."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saturated:
    """What came of asking as fast as answers come."""

    rps: float
    cpu_us: float
    """Of the API, for each answer."""
    redis_us: float


@dataclass(frozen=True, slots=True)
class Kept:
    """Latencies at a fixed rate, in the order in which requests were due."""

    rate: float
    latencies_ms: list[float]
    late_ms: float
    """By how much the asking itself was late, at p99."""
    cpu_us: float
    stalled: list[bool]
    """Of each, whether it was under way while the machine itself stood still, or in the queue that was left then."""
    redis_ms: dict[str, int]
    """What Redis itself stood still for, the longest time of each kind (LATENCY LATEST)."""

    def otherwise(self, share: float) -> float:
        """Of those that no stop of the machine has met."""
        return quantile([each for each, met in zip(self.latencies_ms, self.stalled, strict=True) if not met], share)

    def at(self, share: float) -> float:
        return quantile(self.latencies_ms, share)


def quantile(latencies_ms: list[float], share: float) -> float:
    ordered = sorted(latencies_ms)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def best(rounds: list[Saturated]) -> Saturated:
    """Other load on the machine only ever costs."""
    least = min(each.cpu_us for each in rounds), min(each.redis_us for each in rounds)
    return Saturated(max(each.rps for each in rounds), *least)
