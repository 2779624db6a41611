"""Commands that show what came of it."""

from typing import Annotated

import typer

from app import terminal
from app.cli.common import complaints, run
from app.errors import StartError
from app.settings import Settings

app = typer.Typer()


@app.command()
def scorecard(
    campaign: Annotated[str | None, typer.Option(help="Only this one")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As GET /v1/scorecard gives it")] = False,
) -> None:
    """Show what was decided and what came back."""
    from app.bootstrap import opened
    from app.scorecard import ScorecardReader
    from app.scorecard.campaigns import counted, not_counted
    from schemas.scorecard import Scorecard

    async def go(settings: Settings) -> Scorecard:
        async with opened(settings) as parts:
            reader = ScorecardReader(parts.store)
            everything = await reader.read()
            if campaign is None:
                return everything
            if not counted(campaign, everything):
                said, hint = not_counted(campaign, everything)
                raise StartError(said, hint=hint)
            return await reader.read(campaign)

    found = run(go)
    if as_json:
        terminal.say(found.model_dump_json())
    else:
        terminal.show_scorecard(found)


@app.command()
def stock(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, in units or in the currency")] = False,
) -> None:
    """Show what is left of the inventories and budgets of the live policy."""
    from app.bootstrap import opened
    from app.stock import Standing, live_shelf, shown_json, shown_lines, standing

    async def go(settings: Settings) -> list[Standing]:
        async with opened(settings) as parts:
            shelf = await live_shelf(parts.policies)
            return await standing(parts.store, shelf) if shelf else []

    found = run(go)
    if as_json:
        terminal.say(shown_json(found))
    else:
        terminal.say("\n".join(shown_lines(found)) if found else "the live policy has no inventory and no budget")


@app.command()
def actions(
    kind: Annotated[str | None, typer.Option(help="Only call_list, nudge or message")] = None,
    call_list: Annotated[str | None, typer.Option("--list", help="Only entries of this call list")] = None,
    channel: Annotated[str | None, typer.Option(help="Only nudges and messages of this channel")] = None,
    customer: Annotated[str | None, typer.Option(help="Only those of this customer")] = None,
    after: Annotated[str | None, typer.Option(help="Go on behind this cursor")] = None,
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="As GET /v1/actions gives it")] = False,
) -> None:
    """Show what rules have done, oldest first."""
    from app.actions import Actions, Wanted
    from app.bootstrap import opened
    from schemas.action import ActionPage
    from schemas.triggers import KINDS

    async def go(settings: Settings) -> ActionPage:
        async with opened(settings) as parts:
            page = await Actions(parts.store).read(wanted, after, limit)
            while page.more and len(page.actions) < limit:  # a page may hold none of those that are wanted
                found = page.actions
                page = await Actions(parts.store).read(wanted, page.cursor, limit - len(found))
                page = page.model_copy(update={"actions": (*found, *page.actions)})
            return page

    with complaints():
        if kind is not None and kind not in KINDS:
            raise StartError(f"there is no kind of action `{kind}`", hint=f"the kinds are {', '.join(KINDS)}")
        wanted = Wanted(kind, call_list, channel, customer)
    found = run(go)
    if as_json:
        terminal.say(found.model_dump_json(exclude_none=True))
    else:
        terminal.show_actions(found)
