"""What a person sees: the progress, the scorecard as tables, and what to try next."""

import asyncio
import shlex
from collections.abc import Iterable
from time import monotonic
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.scorecard.tables import comparisons, programs
from examples.bank_contact_centre.calls import Call
from examples.bank_contact_centre.replay import Tally
from examples.bank_contact_centre.service import Service
from schemas.scorecard import Scorecard

REDRAW_EVERY_S = 0.2
LINE_EVERY_S = 5.0


async def show_progress(tally: Tally, total: int, console: Console) -> None:
    """Runs until cancelled: a bar on a terminal, a line every few seconds elsewhere."""
    if console.is_terminal:
        await _bar(tally, total, console)
    else:
        await _lines(tally, total, console)


async def _bar(tally: Tally, total: int, console: Console) -> None:
    columns = (
        TextColumn("calls"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TextColumn("[green]{task.fields[accepted]:,} accepted"),
        TimeRemainingColumn(),
    )
    started = monotonic()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=total, rate=0.0, accepted=0)
        try:
            while True:
                await asyncio.sleep(REDRAW_EVERY_S)
                rate = tally.calls / (monotonic() - started)
                progress.update(task, completed=tally.calls, rate=rate, accepted=tally.accepted)
        finally:
            progress.update(task, completed=tally.calls, accepted=tally.accepted)


async def _lines(tally: Tally, total: int, console: Console) -> None:
    started = monotonic()
    try:
        while True:
            await asyncio.sleep(LINE_EVERY_S)
            console.print(_line(tally, total, monotonic() - started))
    finally:
        console.print(_line(tally, total, monotonic() - started))


def _line(tally: Tally, total: int, seconds: float) -> str:
    rate = tally.calls / seconds
    return f"{tally.calls:,} of {total:,} calls ({tally.calls / total:.0%}), {rate:,.0f}/s, {tally.accepted:,} accepted"


def scorecard_table(card: dict[str, Any]) -> RenderableType:
    """A block per program, as `opportune scorecard` shows them."""
    blocks = programs(Scorecard.model_validate(card))
    return Group(*(part for block in blocks for part in (block, "")))


def comparison_table(card: dict[str, Any]) -> Table:
    return comparisons(Scorecard.model_validate(card))


def reasons_table(tally: Tally) -> Table:
    table = Table(title="Left out, and why", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("reason")
    table.add_column("candidates", justify="right")
    for reason, count in tally.left_out.most_common():
        table.add_row(reason.replace("_", " "), _count(count))
    return table


def summary(tally: Tally) -> str:
    asked, calls = tally.accepted + tally.declined, tally.calls
    return (
        f"{calls:,} calls in {tally.seconds:.1f} s ({calls / tally.seconds:,.0f}/s). An offer was made on "
        f"{asked:,} of them, and {tally.accepted:,} clients took it: with {_percent(asked / calls)} of the calls, "
        f"the policy asked {_percent(tally.accepted / (tally.real_yes or 1))} of the {tally.real_yes:,} clients "
        f"who really said yes."
    )


def links(service: Service) -> Iterable[str]:
    yield f"API documentation   {service.url}/docs"
    yield f"metrics             {service.url}/metrics"
    yield f"log                 {service.log}"


def things_to_try(service: Service, known: Call) -> Iterable[tuple[str, str]]:
    """What it shows, and the command. `known` is a call that has been replayed."""
    bearer = f"Authorization: Bearer {service.key}"
    view = ["curl", "-s", "-H", bearer, f"{service.url}/v1/customers/{known.customer}"]
    yield "What is known of a client who declined, and what was proposed:", shlex.join(view)
    again = _question(known.customer, "again-1", known.data)
    yield "The same client calls again: what has just been declined is left out:", _ask(service, bearer, again)
    retired = {"age": 67, "job": "retired", "contacts_this_campaign": 1}
    new = _question("new-client", "new-1", retired)
    yield "A retired client calls for the first time:", _ask(service, bearer, new)


def _question(customer: str, interaction: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer": customer,
        "channel": "call",
        "placements": [{"placement": "agent"}],
        "interaction": {"id": interaction, "source": "desktop/01", "type": "call_started", "data": data},
    }


def _ask(service: Service, bearer: str, body: dict[str, Any]) -> str:
    data = orjson.dumps(body).decode()
    headers = ["-H", bearer, "-H", "Content-Type: application/json"]
    return shlex.join(["curl", "-s", *headers, "-d", data, f"{service.url}/v1/decisions"])


def _count(number: int) -> str:
    return f"{number:,}" if number else "–"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
