"""The scorecard for a terminal."""

from rich.table import Table

from schemas.scorecard import Row, Scorecard


def tables(card: Scorecard) -> list[Table]:
    return [_cells(card), _comparisons(card), _totals(card)]


def _cells(card: Scorecard) -> Table:
    outcomes = sorted({name for row in card.rows for name in row.outcomes})
    table = Table(title="Campaigns, programs, cells, offers", title_justify="left")
    for heading in ("day", "campaign", "program", "cell", "offer", "channel"):
        table.add_column(heading)
    for heading in ("decided", "withheld", "presented", *outcomes, "rate", "95 %", "amount"):
        table.add_column(heading, justify="right")
    for row in card.rows:
        table.add_row(*_place(row), *_figures(row, outcomes))
    return table


def _place(row: Row) -> list[str]:
    return [row.day, row.campaign, row.program, row.cell, row.offer, row.channel]


def _figures(row: Row, outcomes: list[str]) -> list[str]:
    counts = [row.decided, row.withheld, row.presented, *(row.outcomes.get(name, 0) for name in outcomes)]
    interval = "" if row.rate_low is None or row.rate_high is None else f"{row.rate_low:.1%}–{row.rate_high:.1%}"
    rate = "" if row.rate is None else f"{row.rate:.1%}"
    return [*(f"{count:,}" for count in counts), rate, interval, f"{row.amount:,.2f}" if row.amount else ""]


def _comparisons(card: Scorecard) -> Table:
    table = Table(title="Treated and held out", title_justify="left")
    for heading in ("campaign", "program"):
        table.add_column(heading)
    for heading in ("treated", "held out", "share held out", "presented", "positive", "positive / treated"):
        table.add_column(heading, justify="right")
    for each in card.comparisons:
        share = "" if each.held_out_share is None else f"{each.held_out_share:.1%}"
        rate = "" if each.rate is None else f"{each.rate:.1%}"
        counts = (f"{each.treated:,}", f"{each.held_out:,}", share, f"{each.presented:,}", f"{each.positive:,}")
        table.add_row(each.campaign, each.program, *counts, rate)
    return table


def _totals(card: Scorecard) -> Table:
    totals = card.totals
    table = Table(title="Totals", title_justify="left", show_header=False)
    figures = {
        "interactions": totals.interactions,
        "decisions": totals.decisions,
        "treatments decided": totals.decided,
        "presented": totals.presented,
        "withheld": totals.withheld,
        **totals.outcomes,
    }
    for name, figure in figures.items():
        table.add_row(name, f"{figure:,}")
    if totals.amount:
        table.add_row("amount", f"{totals.amount:,.2f}")
    return table
