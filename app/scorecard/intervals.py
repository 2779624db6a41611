"""Confidence intervals for rates."""

from math import sqrt

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def wilson(successes: int, trials: int) -> tuple[float | None, float | None]:
    """The 95 % score interval of a rate (E. B. Wilson, JASA 22, 1927); none without trials."""
    if not trials:
        return None, None
    rate, z2 = successes / trials, Z95 * Z95
    centre = rate + z2 / (2 * trials)
    spread = Z95 * sqrt(rate * (1 - rate) / trials + z2 / (4 * trials * trials))
    scale = 1 + z2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
