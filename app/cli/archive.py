"""Commands about the archive."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from app import terminal
from app.cli.common import settings_read

app = typer.Typer(help="The log as Parquet files.", no_args_is_help=True)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the partitions")] = False) -> None:
    """How far the archive is, and what waits in Kafka."""
    from app.archive import archive_status

    with settings_read() as settings:
        found = asyncio.run(archive_status(settings))
    if as_json:
        terminal.say(json.dumps([asdict(each) for each in found], indent=2))
        return
    width = max(len(each.topic) for each in found)
    for each in found:
        held = f"{each.files:,} files, {each.since} to {each.until} UTC" if each.files else "nothing yet"
        waiting = "" if each.waiting is None else f"; {each.waiting:,} records wait in Kafka"
        terminal.say(f"{each.topic:<{width}}  {held}{waiting}")


@app.command()
def check(
    since: Annotated[str, typer.Option(help="Only files of this day and later, such as 2026-11-27")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Look for gaps, doubles and damaged files, and count the records of each day. Exit code 1 where any is found."""
    from app.archive import checked

    with settings_read() as settings:
        found = checked(settings, since)
    if as_json:
        terminal.say(json.dumps(found.as_json(), indent=2))
    else:
        for topic, days in found.records.items():
            for day, records in days.items():
                terminal.say(f"{topic}  {day}  {records:,} records")
        for fault in found.faults:
            terminal.say(f"{fault.kind}: {fault}")
        terminal.say(f"{found.files:,} files: " + (f"{len(found.faults)} faults" if found.faults else "whole"))
    raise typer.Exit(0 if found.sound else 1)
