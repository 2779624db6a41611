"""Replays the real calls of a bank through Opportune: `make demo`, or `make demo ONCE=1`."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop
from rich.console import Console

from app.scorecard.tables import print_whole
from examples.bank_contact_centre import report
from examples.bank_contact_centre.agreement import disagreements, figures, settled_scorecard
from examples.bank_contact_centre.calls import CALLS, Call, read_calls
from examples.bank_contact_centre.client import ApiError
from examples.bank_contact_centre.replay import DESKS, Tally, replay
from examples.bank_contact_centre.service import LOG, ROOT, Service, ServiceError, running_service

FAILED, INTERRUPTED = 1, 130
WIDTH_OF_A_FILE = 110


@dataclass(frozen=True, slots=True)
class Options:
    once: bool
    calls: int
    desks: int
    var: Path
    port: int | None


def options(arguments: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m examples.bank_contact_centre", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the replay; the last line is JSON")
    parser.add_argument("--calls", type=_positive, default=CALLS, help="replay only the first so many calls")
    parser.add_argument("--desks", type=_positive, default=DESKS, help="calls in progress at the same time")
    parser.add_argument("--var", type=Path, default=ROOT / "var" / "demo", help="state folder; emptied first")
    parser.add_argument("--port", type=_positive, help="of the API; 8080 or a free one if left out")
    given = parser.parse_args(arguments)
    return Options(given.once, min(given.calls, CALLS), given.desks, given.var.absolute(), given.port)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


async def demo(given: Options, console: Console) -> int:
    """The exit code. Raises ApiError and ServiceError."""
    calls = list(read_calls(first=given.calls))
    tally = Tally()
    console.print("Starting the service …")
    async with running_service(given.var, given.port) as service:
        console.print(f"{service.url} is up, with policy {service.revision}. {len(calls):,} calls:")
        showing = asyncio.create_task(report.show_progress(tally, len(calls), console))
        try:
            await replay(calls, service.connect, tally, given.desks)
        finally:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing
        async with service.connect() as connection:
            card = await settled_scorecard(connection, tally)
        tables = (report.scorecard_table(card), report.comparison_table(card), report.reasons_table(tally))
        print_whole(tables, console)
        console.print(report.summary(tally), soft_wrap=True)
        wrong = disagreements(card["totals"], tally)
        for sentence in wrong:
            console.print(f"[red]Wrong:[/] {sentence}")
        if not given.once:
            await _serve(service, tally.last_declined or calls[-1], console)
    if given.once:
        _last_line(figures(card["totals"]) | {"seconds": round(tally.seconds, 1)})
    return FAILED if wrong else 0


async def _serve(service: Service, known: Call, console: Console) -> None:
    console.print("\n".join(report.links(service)), soft_wrap=True, highlight=False)
    for what, command in report.things_to_try(service, known):
        console.print(f"\n{what}", soft_wrap=True)
        console.print(command, soft_wrap=True, highlight=False, markup=False)
    console.print("\nServing until Ctrl-C.")
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _last_line(found: dict[str, int | float]) -> None:
    sys.stdout.flush()
    sys.stdout.write(orjson.dumps(found).decode() + "\n")


async def _until_told_to_stop(given: Options, console: Console) -> int:
    """SIGTERM ends it as Ctrl-C does: in order."""
    work = asyncio.ensure_future(demo(given, console))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    return await work


def main() -> int:
    given, console = options(), Console()
    if not console.is_terminal:
        console.width = WIDTH_OF_A_FILE
    try:
        return uvloop.run(_until_told_to_stop(given, console))
    except (ApiError, ServiceError) as failed:
        console.print("The demo has failed:", str(failed), style="red", markup=False, soft_wrap=True)
        console.print(f"What the service said is in {given.var / LOG}.", highlight=False, soft_wrap=True)
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped.")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
