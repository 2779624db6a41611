"""Commands about policies."""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app import terminal
from app.cli.common import settings_read
from app.errors import StartError

if TYPE_CHECKING:
    from app.checking import Report


app = typer.Typer()

Folder = Annotated[Path, typer.Argument(help="The folder of a policy", exists=True, file_okay=False)]


@app.command()
def check(folder: Folder) -> None:
    """Report every finding of a policy, and run the examples in it."""
    with settings_read():
        report = checked(folder)
        terminal.show_report(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command("eval")
def evaluate(
    expression: Annotated[str | None, typer.Argument(help="In CEL, such as 'customer.age >= 60'")] = None,
    customer: Annotated[str | None, typer.Option(help="Try it on what is known of this customer")] = None,
    visitor: Annotated[str | None, typer.Option(help="Or of this visitor")] = None,
    channel: Annotated[str, typer.Option(help="Whose session `session.*` is")] = "web",
    policy: Annotated[Path | None, typer.Option(help="Names and types of this folder's policy")] = None,
    cases: Annotated[Path | None, typer.Option(help="Run a file of conformance cases instead")] = None,
) -> None:
    """Try a condition on a customer, or on JSON from standard input: its value, its type, and why."""
    from app.evaluating import run_cases, trial_of_customer, trial_of_json

    with settings_read() as settings:
        if cases is not None:
            passed, lines = run_cases(cases)
            terminal.say("\n".join(lines))
            raise typer.Exit(0 if passed else 1)
        if expression is None:
            raise StartError(
                "there is nothing to try", hint="opportune eval EXPRESSION, or opportune eval --cases FILE"
            )
        if customer is None and visitor is None:
            terminal.show_trial(trial_of_json(expression, sys.stdin.buffer.read(), policy))
        else:
            subject = f"customer:{customer}" if customer is not None else f"visitor:{visitor}"
            terminal.show_trial(asyncio.run(trial_of_customer(expression, subject, channel, policy, settings)))


def checked(folder: Path) -> "Report":
    """The report on a policy folder."""
    from app.checking import check_folder

    try:
        return check_folder(folder, time.time_ns() // 1_000_000)
    except OSError as cause:
        raise StartError(str(cause)) from cause
