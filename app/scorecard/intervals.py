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


def difference(successes: int, trials: int, others: int, of: int) -> tuple[float | None, float | None]:
    """The 95 % interval of the difference of two rates, made of their score intervals (R. G. Newcombe, Statistics in
    Medicine 17, 1998, method 10); none where one of them has no trials."""
    (low, high), (other_low, other_high) = wilson(successes, trials), wilson(others, of)
    if low is None or high is None or other_low is None or other_high is None:
        return None, None
    one, other = successes / trials, others / of
    below = sqrt((one - low) ** 2 + (other_high - other) ** 2)
    above = sqrt((high - one) ** 2 + (other - other_low) ** 2)
    return one - other - below, one - other + above
