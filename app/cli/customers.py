"""Commands about customers: what is known of them, who they are, and that they are forgotten."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from app import terminal
from app.cli.common import complaints, run
from app.errors import StartError
from app.settings import Settings

app = typer.Typer()


@app.command()
def load(
    file: Annotated[
        Path, typer.Argument(help="CSV, JSON Lines (both also .gz) or Parquet", exists=True, dir_okay=False)
    ],
    id_column: Annotated[
        str | None, typer.Option("--id", help="The column of the id (customer, customer_id or id)")
    ] = None,
    id_prefix: Annotated[str, typer.Option(help="Before every id; without a column the row's number follows")] = "",
    maps: Annotated[
        list[str] | None, typer.Option("--map", metavar="COLUMN=ATTRIBUTE", help="Several if needed")
    ] = None,
    skips: Annotated[list[str] | None, typer.Option("--skip", metavar="COLUMN", help="Several if needed")] = None,
    only_known: Annotated[bool, typer.Option("--only-known", help="Leave out columns that are no attribute")] = False,
    visitor: Annotated[bool, typer.Option("--visitor", help="The ids are of visitors")] = False,
    bad: Annotated[Path | None, typer.Option(help="Where bad rows go (beside the file)", dir_okay=False)] = None,
    again: Annotated[bool, typer.Option("--again", help="From the first row, though it was loaded before")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, load none")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say at the end what came of it as JSON")] = False,
) -> None:
    """Set attributes of customers from a file; start it again to go on where it was cut short."""
    from app.loading.command import Asked, Loaded, load_file
    from app.loading.mapping import Options, maps_of
    from app.loading.screen import show_loaded, shown

    with complaints():
        options = Options(id_column, id_prefix, maps_of(maps or []), skips or (), only_known, visitor)
    asked = Asked(file, options, bad, again, dry_run)

    async def go(settings: Settings) -> Loaded:
        with shown(file.name) as screen:
            return await load_file(asked, settings, screen)

    loaded = run(go)
    if as_json:
        terminal.say(loaded.load.model_dump_json())
    else:
        show_loaded(loaded, dry_run)
    raise typer.Exit(1 if dry_run and loaded.load.bad else 0)


@app.command()
def loads(
    load: Annotated[str | None, typer.Argument(help="One of them, with its data quality")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One load a line")] = False,
) -> None:
    """List what was loaded, how far it is, and what its data are like."""
    from app.bootstrap import opened
    from app.loading.progress import Loads
    from app.loading.screen import show_loads
    from schemas.load import Load

    async def go(settings: Settings) -> list[Load]:
        async with opened(settings) as parts:
            return await Loads(parts.registry).chosen(load)

    found = run(go)
    if as_json:
        terminal.say("\n".join(each.model_dump_json() for each in found))
    else:
        show_loads(found, with_quality=load is not None)


Weaker = Annotated[str, typer.Argument(help="The weaker identifier, such as visitor:v-1")]
Owner = Annotated[str, typer.Argument(help="The stronger one, such as customer:ada")]


@app.command()
def link(identifier: Weaker, owner: Owner) -> None:
    """Say that two identifiers are one person's, also after it was undone."""
    say_of_identities("link", identifier, owner)
    terminal.say(f"{identifier} belongs to {owner}")


@app.command()
def unlink(identifier: Weaker, owner: Owner) -> None:
    """Undo a link that was wrong; each identifier keeps what was said under it."""
    say_of_identities("unlink", identifier, owner)
    terminal.say(f"{identifier} does not belong to {owner} any more")


def say_of_identities(what: Literal["link", "unlink"], identifier: str, owner: str) -> None:
    from app.api.bodies import validated
    from app.bootstrap import following, opened
    from app.identities import Identities
    from schemas.identity import LinkRequest

    async def go(settings: Settings) -> None:
        request = validated(LinkRequest, {"identifier": identifier, "owner": owner})
        async with opened(settings) as parts, following(parts.policies) as live:
            say = getattr(Identities(parts.store, live), what)
            await say(request, datetime.now(UTC))

    run(go)


@app.command()
def erase(
    customer: Annotated[str | None, typer.Option(help="The id of a customer")] = None,
    visitor: Annotated[str | None, typer.Option(help="Or of a visitor")] = None,
    identifier: Annotated[str | None, typer.Option(help="Or any identifier, such as phone:+351…")] = None,
) -> None:
    """Remove every trace of somebody, of all identifiers that are theirs, and show the receipt."""
    from app.bootstrap import opened
    from app.erasing import Erasing
    from schemas.erasure import ErasureReceipt

    async def go(settings: Settings) -> ErasureReceipt:
        (subject,) = named
        async with opened(settings) as parts:
            return await Erasing(parts.store, parts.registry).erase(subject, datetime.now(UTC))

    with complaints():
        given = {"customer:": customer, "visitor:": visitor, "": identifier}
        named = [f"{kind}{value}" for kind, value in given.items() if value is not None]
        if len(named) != 1:
            raise StartError("say who: --customer ID, --visitor ID or --identifier KIND:ID")
    terminal.show_erasure(run(go))
