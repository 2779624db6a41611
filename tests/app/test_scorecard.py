"""The scorecard adds up."""

from datetime import date

import pytest

from app.scorecard.board import scorecard
from app.scorecard.intervals import wilson

CELL = "2026-03-10|deposits|outbound|bonus|deposit|call"
HELD = "2026-03-10|deposits|outbound|control|deposit|call"
COUNTS = {
    f"{CELL}|decided": 90,
    f"{CELL}|customers": 45,
    f"{CELL}|presented": 80,
    f"{CELL}|positive": 20,
    f"{CELL}|outcome:accepted": 20,
    f"{CELL}|outcome:declined": 60,
    f"{CELL}|amount": 125_000,
    f"{HELD}|withheld": 10,
    f"{HELD}|customers": 5,
    "2026-03-11|other|p|c|o|web|decided": 5,
    "2026-03-10|decisions": 100,
    "2026-03-11|decisions": 5,
    "2026-03-10|interactions|call_started|call": 100,
    "2026-03-11|interactions|page_viewed|web": 7,
}


def test_rows_totals_and_comparison() -> None:
    card = scorecard(COUNTS)
    assert [row.decided for row in card.rows] == [90, 0, 5]
    assert card.rows[0].outcomes == {"accepted": 20, "declined": 60}
    assert card.rows[0].rate == 0.25
    assert card.rows[0].amount == 12.5
    assert (card.totals.interactions, card.totals.decisions, card.totals.decided) == (107, 105, 95)
    assert (card.totals.presented, card.totals.withheld, card.totals.amount) == (80, 10, 12.5)
    deposits = card.comparisons[0]
    assert (deposits.treated, deposits.held_out, deposits.held_out_share) == (45, 5, 0.1)


def test_filters() -> None:
    assert scorecard(COUNTS, campaign="other").totals.decided == 5
    assert scorecard(COUNTS, first_day=date(2026, 3, 11)).totals.decisions == 5
    assert scorecard(COUNTS, last_day=date(2026, 3, 10)).totals.interactions == 100


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (20, 80, 0.1681, 0.3548)],
)
def test_wilson_interval(successes: int, trials: int, low: float, high: float) -> None:
    """Against the published closed form, worked by hand."""
    found = wilson(successes, trials)
    assert found == pytest.approx((low, high), abs=1e-3)


def test_no_trials_no_interval() -> None:
    assert wilson(0, 0) == (None, None)
