"""Commands about API keys."""

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app import terminal
from app.cli.common import complaints, run
from app.errors import StartError
from app.settings import Settings

if TYPE_CHECKING:
    from app.bootstrap import Parts
    from schemas.keys import KeyView
    from schemas.revision import AuditStep

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(help="Who uses it")],
    scopes: Annotated[str, typer.Option(help="Some of ingest,decide,respond,read,publish,approve,admin")] = "",
) -> None:
    """Make a key and show it, once."""
    from app.bootstrap import opened
    from app.keys import KeyStore, Made
    from schemas.keys import SCOPES

    example = f"for instance: opportune keys make {shlex.quote(name)} --scopes decide,respond"

    async def go(settings: Settings) -> Made:
        async with opened(settings) as parts:
            wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
            try:
                made = await KeyStore(parts.registry).make(name, wanted, datetime.now(UTC))
            except ValueError as cause:
                raise StartError(str(cause), hint=example) from cause
            await _tell(parts, "key_made", made.view)
            return made

    with complaints():
        if not scopes.strip():
            raise StartError(f"say what the key may do: --scopes with some of {','.join(SCOPES)}", hint=example)
    made = run(go)
    terminal.note(f"key {made.view.id} for {name}; it is not shown again:")
    terminal.say(made.token)


@app.command("list")
def show() -> None:
    """Show the keys there are, without their secrets."""
    from app.bootstrap import opened
    from app.keys import KeyStore
    from schemas.keys import KeyView

    async def go(settings: Settings) -> list[KeyView]:
        async with opened(settings) as parts:
            return await KeyStore(parts.registry).all()

    terminal.show_keys(run(go))


@app.command("revoke")
def revoke(key_id: Annotated[str, typer.Argument(help="As `opportune keys list` shows it")]) -> None:
    """Take a key away; it stops working within two seconds."""
    from app.bootstrap import opened
    from app.keys import KeyStore

    async def go(settings: Settings) -> None:
        async with opened(settings) as parts:
            keys = KeyStore(parts.registry)
            known = {each.id: each for each in await keys.all()}
            if not await keys.revoke(key_id):
                raise StartError(f"there is no key {key_id}", hint="`opportune keys list` shows the ones there are")
            await _tell(parts, "key_revoked", known[key_id])

    run(go)
    terminal.say(f"revoked: {key_id}")


async def _tell(parts: "Parts", step: "AuditStep", key: "KeyView") -> None:
    """Who may publish or approve is in the log of policies."""
    from app.lifecycle.acting import at_terminal

    if scopes := [each for each in key.scopes if each in ("publish", "approve")]:
        note = f"{key.id} of {key.name}, which may {' and '.join(scopes)}"
        await parts.policies.lifecycle.told(step, at_terminal(), note)
