"""Everybody against the universal holdout, from the counts that profiles/holdouts.py defines."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import sqrt

from app.scorecard.intervals import wilson
from schemas.cells import HOLDOUT, SERVED
from schemas.scorecard import AMOUNT_SCALE, Arm, Lift


def lifts(counted: Mapping[tuple[str, str], Counter[str]]) -> Iterable[Lift]:
    """`counted`: by holdout and cell."""
    for name in sorted({holdout for holdout, _ in counted}):
        served, held_out = (_arm(counted.get((name, cell), Counter())) for cell in (SERVED, HOLDOUT))
        total = served.customers + held_out.customers
        low, high = difference_interval(served, held_out)
        yield Lift(
            holdout=name,
            served=served,
            held_out=held_out,
            held_out_share=held_out.customers / total if total else None,
            lift=None if served.rate is None or held_out.rate is None else served.rate - held_out.rate,
            lift_low=low,
            lift_high=high,
        )


def _arm(found: Counter[str]) -> Arm:
    customers, positive = found["customers"], found["positive"]
    rate = positive / customers if customers else None
    return Arm(customers=customers, positive=positive, rate=rate, amount=found["amount"] / AMOUNT_SCALE)


def difference_interval(one: Arm, other: Arm) -> tuple[float | None, float | None]:
    """Newcombe's interval of the difference of two rates, made of the Wilson interval of each."""
    if any(each.rate is None or each.rate > 1 for each in (one, other)):
        return None, None
    (p, low, high), (q, other_low, other_high) = _bounds(one), _bounds(other)
    return p - q - sqrt((p - low) ** 2 + (other_high - q) ** 2), p - q + sqrt((high - p) ** 2 + (q - other_low) ** 2)


def _bounds(arm: Arm) -> tuple[float, float, float]:
    low, high = wilson(arm.positive, arm.customers)
    assert arm.rate is not None
    assert low is not None
    assert high is not None
    return arm.rate, low, high
