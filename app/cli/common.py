"""What the commands share: settings, complaints, and a Redis that answers soon or is said not to."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from app import terminal
from app.errors import RequestError, StartError
from app.settings import Settings
from consumers.kafka.errors import LogError
from profiles.errors import StoreError

T = TypeVar("T")
STORE_WITHIN_S = 5.0


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
