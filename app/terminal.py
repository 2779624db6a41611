"""What the command line shows. Answers go to standard output, everything else to standard error."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from app.checking import Report
    from app.supervisor import Up
    from schemas.keys import KeyView
    from schemas.scorecard import Row, Scorecard

NO_RATE = "–"


def say(text: str) -> None:
    typer.echo(text)


def note(text: str) -> None:
    typer.echo(text, err=True)


def complain(text: str, hint: str) -> None:
    note(f"opportune: {text}")
    if hint:
        note(f"  {hint}")


def announce(up: "Up") -> None:
    lines = [
        "Opportune is up. Ctrl-C ends it.",
        f"  API        {up.api}",
        f"  reference  {up.api}/docs",
        f"  metrics    {up.api}/metrics (the worker logs where it serves its own)",
        f"  Redis      {_redis_cli(up)}",
        "  policy     opportune publish FOLDER",
        "  keys       opportune keys list",
    ]
    if up.new_key:
        lines += ["", "An API key for everything was made. It is shown only now:", f"  {up.new_key}"]
        lines += [f"  curl -H 'Authorization: Bearer {up.new_key}' {up.api}"]
    say("\n".join(lines))


def _redis_cli(up: "Up") -> str:
    from app.redis_binary import find_redis_cli

    return f"{find_redis_cli()} -s {up.socket}" if up.socket else "the one that OPPORTUNE_REDIS names"


def show_report(report: "Report") -> None:
    for finding in report.findings:
        note(str(finding))
    passed = report.examples - report.failed
    verdict = "fits" if report.ok else "does not fit"
    note(f"{len(report.files)} files: the policy {verdict}; {passed} of {report.examples} examples hold")


def show_keys(keys: "list[KeyView]") -> None:
    for key in keys:
        say(f"{key.id}  {key.created:%Y-%m-%d %H:%M}  {','.join(key.scopes):<32}  {key.name}")


def show_scorecard(scorecard: "Scorecard") -> None:
    from rich.console import Console
    from rich.table import Table

    totals = scorecard.totals
    table = Table(title=f"{totals.interactions:,} interactions, {totals.decisions:,} decisions")
    for heading in ("day", "campaign", "program", "cell", "offer", "channel"):
        table.add_column(heading)
    for heading in ("decided", "withheld", "presented", "positive", "rate (95 %)", "amount"):
        table.add_column(heading, justify="right")
    for row in scorecard.rows:
        table.add_row(*_cells(row))
    console = Console()
    console.print(table)
    for each in scorecard.comparisons:
        console.print(f"{each.campaign} / {each.program}: {each.treated:,} treated, {each.held_out:,} held out")


def _cells(row: "Row") -> list[str]:
    counts = [f"{count:,}" for count in (row.decided, row.withheld, row.presented, row.positive)]
    where = [row.day, row.campaign, row.program, row.cell, row.offer, row.channel]
    return [*where, *counts, _rate(row), f"{row.amount:,.2f}"]


def _rate(row: "Row") -> str:
    if row.rate is None or row.rate_low is None or row.rate_high is None:
        return NO_RATE
    return f"{row.rate:.1%} ({row.rate_low:.1%} to {row.rate_high:.1%})"
