"""The scorecard: what was decided, what came back, by campaign, program, cell, offer, channel and day."""

from schemas.base import Model

AMOUNT_SCALE = 10_000
"""Amounts are summed as integers of a ten-thousandth, so that they add up exactly."""


class Row(Model):
    day: str
    campaign: str
    program: str
    cell: str
    offer: str
    channel: str
    decided: int = 0
    withheld: int = 0
    """Decisions in which the holdout kept this offer back."""
    presented: int = 0
    outcomes: dict[str, int] = {}
    """Treatments with that outcome, each counted once."""
    positive: int = 0
    """Treatments with an outcome of the class `positive`."""
    rate: float | None = None
    """positive / presented; none before anything was presented."""
    rate_low: float | None = None
    rate_high: float | None = None
    """95 % Wilson score interval of the rate."""
    amount: float = 0.0


class Totals(Model):
    interactions: int = 0
    decisions: int = 0
    decided: int = 0
    """Treatments."""
    presented: int = 0
    withheld: int = 0
    outcomes: dict[str, int] = {}
    amount: float = 0.0


class Comparison(Model):
    """Treated against held out, per program."""

    campaign: str
    program: str
    treated: int
    """Treatments decided in cells that get offers."""
    held_out: int
    """Treatments withheld by holdout cells."""
    presented: int
    positive: int
    rate: float | None
    """positive / treated: by intention to treat, so that both groups are counted alike."""
    held_out_share: float | None
    """held out / (treated + held out): should be near the share that the policy gives the holdout."""


class Scorecard(Model):
    totals: Totals
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
