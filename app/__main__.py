"""The command line: `opportune <command>`, or `python -m app <command>`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from app.errors import StartError
from app.settings import Settings
from profiles.errors import StoreUnavailable

if TYPE_CHECKING:
    from app.checking import Report
    from app.keys import KeyStore

cli = typer.Typer(help="The next best action, at the opportune moment.", no_args_is_help=True, add_completion=False)
keys_cli = typer.Typer(help="API keys.", no_args_is_help=True)
cli.add_typer(keys_cli, name="keys")

Folder = Annotated[Path, typer.Argument(help="A policy folder", exists=True, file_okay=False)]
Result = TypeVar("Result")


def said(text: str) -> None:
    sys.stdout.write(text + "\n")


def failed(text: str) -> None:
    sys.stderr.write(text + "\n")


@cli.command()
def up() -> None:
    """Start Redis, API and worker here, and stop them with Ctrl-C."""
    from app.supervisor import run_up

    asyncio.run(run_up(settings(), Console()))


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Instead of OPPORTUNE_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of OPPORTUNE_PORT")] = None,
) -> None:
    """Serve the API. Several of them may run on one store."""
    from app.server import run_api

    known = settings()
    run_api(known, host or known.host, known.port if port is None else port)


@cli.command()
def worker() -> None:
    """Keep the profiles: fold the log, fire timers. Several of them may run on one store."""
    from app.bootstrap import run_worker
    from app.logs import set_up

    known = settings()
    set_up(known.log_level)
    asyncio.run(run_worker(known))


@cli.command()
def check(folder: Folder) -> None:
    """Check a policy: every finding with its place, and the examples written beside the rules."""
    _checked(folder)


@cli.command()
def publish(folder: Folder) -> None:
    """Check a policy and make it the live one."""
    from app.bootstrap import opened

    report = _checked(folder)

    async def publish() -> None:
        async with opened(settings()) as parts:
            if report.policy is not None:
                await parts.policies.publish(report.policy, report.files, datetime.now(UTC))
                said(f"revision {report.policy.revision} is live")

    asyncio.run(publish())


@cli.command()
def scorecard(
    campaign: Annotated[str | None, typer.Option(help="Only this campaign")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, like GET /v1/scorecard")] = False,
) -> None:
    """What was decided, and what came back."""
    from app.bootstrap import opened
    from app.scorecard import ScorecardReader
    from app.scorecard.tables import tables
    from schemas.scorecard import Scorecard

    async def read() -> Scorecard:
        async with opened(settings()) as parts:
            return await ScorecardReader(parts.store).read(campaign)

    card = asyncio.run(read())
    if json:
        said(card.model_dump_json())
    else:
        for table in tables(card):
            Console().print(table)


@keys_cli.command("make")
def make_key(
    name: Annotated[str, typer.Argument(help="Whose it is")],
    scopes: Annotated[str, typer.Option(help="Comma-separated: ingest, decide, respond, read, admin")],
) -> None:
    """Make a key. It is shown once; only its hash is kept."""

    made = _with_keys(lambda keys: keys.make(name, scopes.replace(" ", "").split(","), datetime.now(UTC)))
    said(f"key {made.view.id} for {made.view.name} ({', '.join(made.view.scopes)}):\n{made.token}")


@keys_cli.command("list")
def list_keys() -> None:
    """List the keys, without their secrets."""
    for view in _with_keys(lambda keys: keys.all()):
        said(f"{view.id}  {view.created:%Y-%m-%d %H:%M}  {','.join(view.scopes):<35}  {view.name}")


@keys_cli.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="As `keys list` shows it")]) -> None:
    """Revoke a key; every process follows within a second."""
    if not _with_keys(lambda keys: keys.revoke(key_id)):
        failed(f"there is no key {key_id}")
        raise typer.Exit(1)
    said(f"key {key_id} is revoked")


def settings() -> Settings:
    return Settings.from_env(os.environ)


def _with_keys(act: "Callable[[KeyStore], Awaitable[Result]]") -> Result:
    from app.bootstrap import opened
    from app.keys import KeyStore

    async def run() -> Result:
        async with opened(settings()) as parts:
            return await act(KeyStore(parts.registry))

    return asyncio.run(run())


def _checked(folder: Path) -> "Report":
    """Prints every finding; ends with 1 if one of them is an error."""
    from app.checking import check_folder

    report = check_folder(folder, int(datetime.now(UTC).timestamp() * 1000))
    for finding in report.findings:
        failed(f"{folder}/{finding}")
    errors = sum(finding.severity == "error" for finding in report.findings)
    warnings = len(report.findings) - errors
    said(f"{errors} errors, {warnings} warnings; {report.examples - report.failed} of {report.examples} examples hold")
    if not report.ok:
        raise typer.Exit(1)
    return report


def main() -> None:
    """An error that an operator can mend is one sentence and what to do, without a traceback."""
    from rules.policy import FolderError

    try:
        cli()
    except StartError as error:
        failed(f"opportune: {error}" + (f"\n  {error.hint}" if error.hint else ""))
        sys.exit(2)
    except (StoreUnavailable, FolderError, ValueError) as error:
        failed(f"opportune: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
