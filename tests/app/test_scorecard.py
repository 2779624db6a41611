"""The scorecard adds up."""

import io
from datetime import date

import pytest
from rich.console import Console

from app.scorecard.board import scorecard
from app.scorecard.campaigns import counted, not_counted
from app.scorecard.intervals import difference, wilson
from app.scorecard.tables import show

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
    "2026-03-11|interactions|session_ended|web": 3,
    "2026-03-11|interactions|stage_changed|": 2,
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


def shown(counts: dict[str, int], width: int = 80) -> list[str]:
    file = io.StringIO()
    show(scorecard(counts), Console(file=file, width=width))
    return file.getvalue().splitlines()


def test_a_table_has_a_block_per_program_and_cuts_nothing_off() -> None:
    lines = shown(COUNTS, width=20)
    assert "deposits > outbound, 2026-03-10, call" in map(str.strip, lines)
    assert "other > p, 2026-03-11, web" in map(str.strip, lines)
    assert not any("…" in line for line in lines)
    assert any("16.8%–35.5%" in line for line in lines)


def test_what_every_row_shares_stands_in_the_title_and_presented_stands_once() -> None:
    later = "2026-03-12|deposits|outbound|bonus|deposit|web|decided"
    lines = shown({**COUNTS, f"{CELL}|outcome:presented": 80, later: 1})
    block = [line.split() for line in lines if line.strip()][:6]
    assert block[0] == ["deposits", ">", "outbound"]
    assert block[1].count("presented") == 1
    assert block[2] == ["2026-03-10,", "call"]
    assert block[5] == ["2026-03-12,", "web"]


def test_real_figures_fit_into_a_hundred_columns() -> None:
    place = "2026-11-23|term-deposit|returning-clients|returning-holdout|flexible-deposit|call"
    columns = ("decided", "withheld", "presented", "positive", "outcome:accepted", "outcome:declined")
    assert max(map(len, shown({f"{place}|{column}": 41_188 for column in columns}))) <= 100


def test_a_campaign_that_was_not_counted_is_answered_with_the_nearest() -> None:
    card = scorecard(COUNTS)
    assert counted("deposits", card)
    assert not counted("deposit", card)
    assert not_counted("deposit", card)[1] == "did you mean `deposits`?"
    assert not_counted("x", scorecard({}))[0] == "nothing was counted for a campaign `x`"


def test_lift_compares_who_has_done_what_a_program_is_for() -> None:
    counts = {**COUNTS, f"{CELL}|converted": 9, f"{HELD}|converted": 1, f"{HELD}|outcome:accepted": 1}
    counts |= {f"{HELD}|positive": 1, f"{CELL}|attributed": 85_000}
    card = scorecard(counts)
    found = card.comparisons[0]
    assert (found.conversion_treated, found.conversion_held_out, found.lift) == (0.2, 0.2, 0.0)
    assert found.positive == 20, "what the held out do is no answer to an offer"
    assert card.totals.outcomes["accepted"] == 20
    assert card.rows[0].attributed == 8.5
    printed = io.StringIO()
    show(card, Console(file=printed, width=200))
    assert "of the held out" in printed.getvalue()
    assert "8.50" in printed.getvalue()


def test_the_interval_of_a_difference() -> None:
    """Newcombe 1998, table II, case (a): 56/70 and 48/80, method 10."""
    low, high = difference(56, 70, 48, 80)
    assert low == pytest.approx(0.0524, abs=5e-5)
    assert high == pytest.approx(0.3339, abs=5e-5)
    assert difference(1, 0, 1, 3) == (None, None)
