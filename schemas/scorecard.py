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
    """Whom the program met here first: each customer counts once in a program, in the row of that first offer. Not
    those who were first met in the universal holdout."""
    decided: int = 0
    continued: int = 0
    """Treatments to which an offer was handed over from another channel; their answers count where it began."""
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
    """Customers in holdout cells of the program; those of the universal holdout count in `lifts`."""
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


class Arm(Model):
    """The customers inside or outside of a universal holdout, each counted once, from the first offer of any program
    that was made or withheld."""

    customers: int = 0
    positive: int = 0
    """Positive outcomes. Inside there are those of mandatory and transactional offers, which are made all the same."""
    rate: float | None = None
    """positive / customers."""
    amount: float = 0.0


class Lift(Model):
    """What all programs together bring: everybody else against the universal holdout, by intention to treat."""

    holdout: str
    """The id of the policy's `holdout`."""
    served: Arm
    held_out: Arm
    held_out_share: float | None
    """held out / all: near the share that the policy gives it."""
    lift: float | None
    """The rate outside less the rate inside."""
    lift_low: float | None
    lift_high: float | None
    """95 % interval of the difference of two rates by Newcombe (Statistics in Medicine 17, 1998, method 10); none where
    there are more positive outcomes than customers."""


class Scorecard(Model):
    totals: Totals
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    lifts: tuple[Lift, ...] = ()
    """By universal holdout, over all campaigns; none where a campaign was asked for."""
