"""The command line. What a command needs is imported when it is called, so that `--help` answers at once."""

import asyncio
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from app import terminal
from app.errors import RequestError, StartError
from app.settings import Settings
from consumers.kafka.errors import LogError
from profiles.errors import StoreError

if TYPE_CHECKING:
    from app.checking import Report

T = TypeVar("T")
STORE_WITHIN_S = 5.0

app = typer.Typer(
    name="opportune",
    help="The next best action, at the opportune moment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")

Folder = Annotated[Path, typer.Argument(help="The folder of a policy", exists=True, file_okay=False)]


@app.command()
def up() -> None:
    """Start Redis, a worker and the API here, until Ctrl-C."""
    from app.supervisor import run_up

    with settings_read() as settings:
        asyncio.run(run_up(settings, os.environ, terminal.announce))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Instead of OPPORTUNE_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of OPPORTUNE_PORT", min=0, max=65_535)] = None,
    workers: Annotated[int, typer.Option(help="Processes that share the port", min=1, max=256)] = 1,
    descriptor: Annotated[int | None, typer.Option("--socket", hidden=True, help="One that listens already")] = None,
) -> None:
    """Serve the API."""
    from app.bootstrap import redis_url
    from app.serving import listening, serve

    with settings_read() as settings:
        redis_url(settings)  # raises now what would else be raised in every process
        given = socket.socket(fileno=descriptor) if descriptor is not None else None
        chosen_port = settings.port if port is None else port
        with given or listening(host or settings.host, chosen_port) as bound:
            serve(bound, workers)


@app.command()
def worker() -> None:
    """Fold interactions and responses into profiles."""
    import uvloop

    from app.bootstrap import run_worker

    with settings_read() as settings:
        uvloop.run(run_worker(settings))


@app.command()
def check(folder: Folder) -> None:
    """Report every finding of a policy, and run the examples in it."""
    with settings_read():
        report = checked(folder)
        terminal.show_report(report)
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def publish(folder: Folder) -> None:
    """Check a policy and make it the live one."""
    from app.bootstrap import opened

    async def go(settings: Settings) -> str:
        report = checked(folder)
        terminal.show_report(report, terminal.note)
        if report.policy is None or not report.ok:
            raise StartError("the policy is not published; the live one stays", hint="mend what is listed above")
        async with opened(settings) as parts:
            await parts.policies.publish(report.policy, report.files, datetime.now(UTC))
        return report.policy.revision

    terminal.say(f"live: {run(go)}")


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
            return await Actions(parts.store).read(wanted, after, limit)

    with complaints():
        if kind is not None and kind not in KINDS:
            raise StartError(f"there is no kind of action `{kind}`", hint=f"the kinds are {', '.join(KINDS)}")
        wanted = Wanted(kind, call_list, channel, customer)
    found = run(go)
    if as_json:
        terminal.say(found.model_dump_json(exclude_none=True))
    else:
        terminal.show_actions(found)


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


@app.command()
def erase(
    customer: Annotated[str | None, typer.Option(help="The id of a customer")] = None,
    visitor: Annotated[str | None, typer.Option(help="Or of a visitor")] = None,
) -> None:
    """Remove every trace of somebody, and show the receipt."""
    from app.bootstrap import opened
    from app.erasing import Erasing
    from schemas.erasure import ErasureReceipt

    async def go(settings: Settings) -> ErasureReceipt:
        subject = f"customer:{customer}" if customer is not None else f"visitor:{visitor}"
        async with opened(settings) as parts:
            return await Erasing(parts.store, parts.registry).erase(subject, datetime.now(UTC))

    with complaints():
        if (customer is None) == (visitor is None):
            raise StartError("say who: --customer ID or --visitor ID")
    terminal.show_erasure(run(go))


@app.command()
def rebuild(
    compare: Annotated[bool, typer.Option("--compare", help="Only say what differs")] = False,
    swap: Annotated[bool, typer.Option("--swap", help="Put the rebuilt in the place of the live, unasked")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON")] = False,
) -> None:
    """Fold the whole log again beside the live customers, compare, and mend what differs."""
    from app.bootstrap import following, opened
    from app.rebuild import Rebuild, Report

    async def go(settings: Settings, mend: bool) -> Report:
        async with opened(settings, retries=0) as parts, following(parts.policies) as live:
            if live.current is None:
                raise StartError("no policy is live, so nothing can be folded", hint="opportune publish <folder>")
            return await Rebuild(parts.redis, parts.store, live.current, terminal.note).run(mend)

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
def topics(
    only_check: Annotated[bool, typer.Option("--check", help="Create nothing, only say what is wrong")] = False,
) -> None:
    """Create the topics of the log in Kafka, or refuse those that are not as they must be."""
    from app.kafka import topics_as_planned

    with settings_read() as settings:
        terminal.say("\n".join(asyncio.run(topics_as_planned(settings, only_check=only_check))))


@keys.command("make")
def keys_make(
    name: Annotated[str, typer.Argument(help="Who uses it")],
    scopes: Annotated[str, typer.Option(help="Some of ingest,decide,respond,read,admin")] = "",
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
                return await KeyStore(parts.registry).make(name, wanted, datetime.now(UTC))
            except ValueError as cause:
                raise StartError(str(cause), hint=example) from cause

    with complaints():
        if not scopes.strip():
            raise StartError(f"say what the key may do: --scopes with some of {','.join(SCOPES)}", hint=example)
    made = run(go)
    terminal.note(f"key {made.view.id} for {name}; it is not shown again:")
    terminal.say(made.token)


@keys.command("list")
def keys_list() -> None:
    """Show the keys there are, without their secrets."""
    from app.bootstrap import opened
    from app.keys import KeyStore
    from schemas.keys import KeyView

    async def go(settings: Settings) -> list[KeyView]:
        async with opened(settings) as parts:
            return await KeyStore(parts.registry).all()

    terminal.show_keys(run(go))


@keys.command("revoke")
def keys_revoke(key_id: Annotated[str, typer.Argument(help="As `opportune keys list` shows it")]) -> None:
    """Take a key away; it stops working within two seconds."""
    from app.bootstrap import opened
    from app.keys import KeyStore

    async def go(settings: Settings) -> None:
        async with opened(settings) as parts:
            if not await KeyStore(parts.registry).revoke(key_id):
                raise StartError(f"there is no key {key_id}", hint="`opportune keys list` shows the ones there are")

    run(go)
    terminal.say(f"revoked: {key_id}")


def checked(folder: Path) -> "Report":
    """The report on a policy folder."""
    from app.checking import check_folder

    try:
        return check_folder(folder, time.time_ns() // 1_000_000)
    except OSError as cause:
        raise StartError(str(cause)) from cause


def run(go: Callable[[Settings], Coroutine[Any, Any, T]]) -> T:
    """Of a command that a person waits for: Redis answers soon, or the command says that it does not."""
    with settings_read() as settings:
        return asyncio.run(_soon(go, settings))


async def _soon(go: Callable[[Settings], Coroutine[Any, Any, T]], settings: Settings) -> T:
    from app.bootstrap import redis_url
    from profiles.connection import connected, wait_until_ready

    async with connected(redis_url(settings), retries=0) as redis:
        await wait_until_ready(redis, STORE_WITHIN_S)
    return await go(settings)


@contextmanager
def settings_read() -> Iterator[Settings]:
    from app.logs import set_up

    with complaints():
        settings = Settings.from_env(os.environ)
        set_up(settings.log_level)
        yield settings


@contextmanager
def complaints() -> Iterator[None]:
    """What an operator can mend is said in a sentence; anything else keeps its traceback."""
    try:
        yield
    except StartError as error:
        terminal.complain(str(error), error.hint)
        raise typer.Exit(1) from error
    except RequestError as error:
        reasons = "; ".join(each["reason"] for each in error.problem.errors)
        terminal.complain(reasons or error.problem.detail, error.problem.hint or "")
        raise typer.Exit(1) from error
    except LogError as error:
        terminal.complain(str(error), error.hint)
        raise typer.Exit(1) from error
    except StoreError as error:
        terminal.complain(str(error), "is Redis running, and is it the one that OPPORTUNE_REDIS names?")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    app(prog_name="opportune")
