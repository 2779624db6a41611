"""The bounds of the factors of a score (DESIGN §5)."""

LEAST, MOST = 0.1, 10.0
"""Of context and levers."""
LEAST_LIKELY, MOST_LIKELY = 0.001, 0.999
"""Nobody is certain to take an offer, or not to: such a score could not be outweighed."""


def within(factor: float) -> float:
    """Context or levers, kept within their bounds."""
    return min(MOST, max(LEAST, factor))
