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
    customers: int = 0
    """Whom the program met here first: each customer counts once in a program, in the row of that first offer."""
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
    attributed: float = 0.0
    """Goal events that are due to these treatments: each event counts 1, in shares where several have a part in it. Of
    what was withheld: to which of them they would have been due."""
    converted: int = 0
    """Customers who have met a goal in time, each once in a program, whether an offer was made, seen or withheld."""


class Totals(Model):
    interactions: int = 0
    """What touchpoints have sent; not what Opportune says itself, such as the end of a visit."""
    decisions: int = 0
    decided: int = 0
    """Treatments."""
    presented: int = 0
    withheld: int = 0
    outcomes: dict[str, int] = {}
    amount: float = 0.0


class Comparison(Model):
    """Treated against held out, per program, by intention to treat: each customer counts once, from the first
    offer that was decided or withheld, whatever became of it. Both sides are measured by the same goals: what customers
    do within the window of the decision, whether they have seen an offer or not.
    """

    campaign: str
    program: str
    treated: int
    """Customers in cells that get offers."""
    held_out: int
    """Customers in holdout cells."""
    held_out_share: float | None
    """held out / (treated + held out): near the share that the policy gives the holdout."""
    presented: int
    positive: int
    rate: float | None
    """Positive outcomes per treated customer."""
    converted_treated: int = 0
    converted_held_out: int = 0
    """Customers who have met a goal in time."""
    conversion_treated: float | None = None
    conversion_held_out: float | None = None
    """Converted per customer of that side; none without customers."""
    lift: float | None = None
    """conversion of the treated − conversion of the held out."""
    lift_low: float | None = None
    lift_high: float | None = None
    """95 % interval of the lift (Newcombe 1998, method 10)."""


class Scorecard(Model):
    totals: Totals
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
