"""Commands that start something."""

import asyncio
import os
import socket
from typing import Annotated

import typer

from app import terminal
from app.cli.common import settings_read
from app.roles import ROLES, roles_of

app = typer.Typer()


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
def worker(
    roles: Annotated[str, typer.Option(help=f"What it does, with commas between: {', '.join(ROLES)}")] = "",
) -> None:
    """Do the work behind the API: fold what the log has into profiles, fire timers, move records to Kafka.

    Without --roles it does all that makes sense with these settings, and any number of workers share the work. With
    Kafka that is also `relay`, and `archive` where OPPORTUNE_ARCHIVE names a place. The role `scorecard` needs no
    process: counts are made in the commit that they count.
    """
    import uvloop

    from app.bootstrap import run_worker

    with settings_read() as settings:
        uvloop.run(run_worker(settings, roles_of(roles, settings)))
