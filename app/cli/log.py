"""Commands about the log."""

import asyncio
import sys
from typing import Annotated

import typer

from app import terminal
from app.cli.common import complaints, run, settings_read
from app.errors import StartError
from app.settings import Settings

app = typer.Typer()


@app.command()
def rebuild(
    compare: Annotated[bool, typer.Option("--compare", help="Only say what differs")] = False,
    swap: Annotated[bool, typer.Option("--swap", help="Put the rebuilt in the place of the live, unasked")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON")] = False,
    source: Annotated[
        str,
        typer.Option("--from", help="With Kafka: `kafka`, or `archive` for what Kafka has no more"),
    ] = "kafka",
) -> None:
    """Fold the whole log again beside the live customers, compare, and mend what differs."""
    from app.bootstrap import following, opened
    from app.rebuild import Rebuild, Report
    from app.rebuild.sources import history

    async def go(settings: Settings, mend: bool) -> Report:
        async with opened(settings, retries=0) as parts, following(parts.policies) as live:
            if live.current is None:
                raise StartError("no policy is live, so nothing can be folded", hint="opportune publish <folder>")
            async with history(settings, parts.store, live.current, terminal.note, source) as known:
                return await Rebuild(parts.redis, parts.store, live.current, terminal.note, known).run(mend)

    with complaints():
        if compare and swap:
            raise StartError("--compare changes nothing, and --swap does: give one of them")
    found = run(lambda settings: go(settings, swap))
    terminal.show_rebuild(found, as_json)
    is_asked = not (found.same or compare or swap or as_json) and sys.stdin.isatty()
    if is_asked and typer.confirm("Put the rebuilt in the place of the live?"):
        found = run(lambda settings: go(settings, True))
        terminal.show_rebuild(found, as_json)
        swap = True
    raise typer.Exit(0 if found.same or swap else 1)


@app.command()
def topics(
    only_check: Annotated[bool, typer.Option("--check", help="Create nothing, only say what is wrong")] = False,
    from_start: Annotated[
        str,
        typer.Option(
            help="A topic of which something is gone before it was taken in, or that was made anew: go on from where "
            "it begins now. Stop the workers before"
        ),
    ] = "",
) -> None:
    """Create the topics of the log in Kafka, or refuse those that are not as they must be."""
    from app.bootstrap import opened
    from app.kafka import go_on_from_start, topics_as_planned

    async def go_on(settings: Settings) -> list[str]:
        async with opened(settings, retries=0) as parts:
            return await go_on_from_start(settings, parts.store, from_start)

    if from_start:
        terminal.say("\n".join(run(go_on)))
        return
    with settings_read() as settings:
        terminal.say("\n".join(asyncio.run(topics_as_planned(settings, only_check=only_check))))
