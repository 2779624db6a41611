"""The scorecard for a terminal: a block per program, what every row shares in its title, nothing ever cut off."""

from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table

from schemas.scorecard import Comparison, Row, Scorecard

NAMES = frozenset({"", "campaign", "program", "cell", "offer", "holdout"})
"""Headings of columns that stand left."""
PRESENTED = "presented"
"""Also an outcome in most policies; it has its column already."""
NO_FIGURES = frozenset({"", "0"})
UNBOUNDED = 10_000


def show(card: Scorecard, console: Console) -> None:
    compared = [*([comparisons(card)] if card.comparisons else []), *([lifts(card)] if card.lifts else [])]
    print_whole([*programs(card), *compared, totals(card)], console)


def print_whole(parts: Iterable[RenderableType], console: Console) -> None:
    """As wide as they need, also where the terminal is narrower: it wraps, and nothing is lost."""
    usual, unbounded = console.width, console.options.update(max_width=UNBOUNDED)
    for part in parts:
        console.width = max(usual, Measurement.get(console, unbounded, part).maximum)
        console.print(part, crop=False)
        console.print()
    console.width = usual


def programs(card: Scorecard) -> list[Table]:
    names = dict.fromkeys((row.campaign, row.program) for row in card.rows)
    return [_program([row for row in card.rows if (row.campaign, row.program) == each]) for each in names]


def _program(rows: Sequence[Row]) -> Table:
    """Day and channel stand in the title, or above the rows that share them."""
    outcomes = sorted({name for row in rows for name in row.outcomes} - {PRESENTED})
    figures = [_figures(row, outcomes) for row in rows]
    columns = zip(
        ("decided", "continued", "withheld", PRESENTED, *outcomes, "attributed", "rate", "95 %", "amount"),
        zip(*figures, strict=True),
        strict=True,
    )
    shown = [(name, cells) for name, cells in columns if not NO_FIGURES.issuperset(cells)]
    title, groups = f"{rows[0].campaign} > {rows[0].program}", list(dict.fromkeys(map(_when_and_where, rows)))
    table = _table(title if len(groups) > 1 else f"{title}, {groups[0]}", ["cell", "offer", *(n for n, _ in shown)])
    for group in groups:
        if len(groups) > 1:
            table.add_row(group)
        for number, row in enumerate(rows):
            if _when_and_where(row) == group:
                table.add_row(row.cell, row.offer, *(cells[number] for _, cells in shown))
    return table


def _when_and_where(row: Row) -> str:
    return f"{row.day}, {row.channel}"


def _figures(row: Row, outcomes: Sequence[str]) -> list[str]:
    counts = [
        row.decided,
        row.continued,
        row.withheld,
        row.presented,
        *(row.outcomes.get(name, 0) for name in outcomes),
    ]
    interval = "" if row.rate_low is None or row.rate_high is None else f"{row.rate_low:.1%}–{row.rate_high:.1%}"
    amount = f"{row.amount:,.2f}" if row.amount else ""
    attributed = f"{row.attributed:,.2f}".removesuffix(".00") if row.attributed else ""
    return [*(f"{count:,}" for count in counts), attributed, _percent(row.rate), interval, amount]


def comparisons(card: Scorecard) -> Table:
    headings: tuple[str, ...] = (
        "campaign",
        "program",
        "treated",
        "held out",
        "share",
        "presented",
        "positive",
        "positive / treated",
    )
    measured = any(each.converted_treated or each.converted_held_out for each in card.comparisons)
    if measured:
        headings = (*headings, "converted", "of the held out", "lift", "95 %")
    lines = (
        (
            each.campaign,
            each.program,
            *(f"{count:,}" for count in (each.treated, each.held_out)),
            _percent(each.held_out_share),
            *(f"{count:,}" for count in (each.presented, each.positive)),
            _percent(each.rate),
            *(_lift(each) if measured else ()),
        )
        for each in card.comparisons
    )
    return _table("Treated and held out", headings, lines)


def _lift(found: Comparison) -> tuple[str, ...]:
    low, high = found.lift_low, found.lift_high
    interval = "" if low is None or high is None else f"{low:+.1%} … {high:+.1%}"
    lift = "" if found.lift is None else f"{found.lift:+.1%}"
    return _percent(found.conversion_treated), _percent(found.conversion_held_out), lift, interval


def lifts(card: Scorecard) -> Table:
    headings = ("holdout", "customers", "held out", "share", "positive", "positive held out", "rates", "lift", "95 %")
    lines = (
        (
            each.holdout,
            *(f"{arm.customers:,}" for arm in (each.served, each.held_out)),
            _percent(each.held_out_share),
            *(f"{arm.positive:,}" for arm in (each.served, each.held_out)),
            " / ".join(filter(None, (_percent(each.served.rate), _percent(each.held_out.rate)))),
            "" if each.lift is None else f"{each.lift:+.1%}",
            "" if each.lift_low is None or each.lift_high is None else f"{each.lift_low:+.1%}–{each.lift_high:+.1%}",
        )
        for each in card.lifts
    )
    return _table("All programs and the universal holdout", headings, lines)


def totals(card: Scorecard) -> Table:
    found = card.totals
    figures = {
        "interactions": found.interactions,
        "decisions": found.decisions,
        "treatments decided": found.decided,
        "withheld": found.withheld,
        PRESENTED: found.presented,
        **{name: count for name, count in found.outcomes.items() if name != PRESENTED},
    }
    lines = [(name, f"{figure:,}") for name, figure in figures.items()]
    if found.amount:
        lines.append(("amount", f"{found.amount:,.2f}"))
    return _table("Totals", ("", "count"), lines)


def _table(title: str, headings: Sequence[str], lines: Iterable[Sequence[str]] = ()) -> Table:
    table = Table(
        title=title, title_justify="left", min_width=len(title), box=None, padding=(0, 1, 0, 0), pad_edge=False
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading in NAMES else "right", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
