"""Commands about dead letters: records that could not be taken in or folded."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from app import terminal
from app.cli.common import complaints, run
from app.errors import StartError
from app.settings import Settings

if TYPE_CHECKING:
    from app.dead_letters import DeadLetters, Retried, Wanted
    from profiles.dead_letters import Letter, LetterId
    from schemas.dead_letter import DeadLetterList, DeadLetterView

app = typer.Typer(help="Show records that could not be folded, put them back, or drop them.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(help="As `opportune dead-letters list` shows them", metavar="ID…")]
Topic = Annotated[str | None, typer.Option(help="Only records of this topic")]
Why = Annotated[str | None, typer.Option("--reason", help="Only with this reason, such as ill_typed")]
Subject = Annotated[str | None, typer.Option(help="Only about this one, such as customer:ada")]
Since = Annotated[str | None, typer.Option(help="Only those dead since: 2h, 3d, or a time such as 2026-11-27T08:00Z")]
All = Annotated[bool, typer.Option("--all", help="All there are")]


@app.command("list")
def list_them(
    topic: Topic = None,
    reason: Why = None,
    subject: Subject = None,
    since: Since = None,
    before: Annotated[str | None, typer.Option(help="Only those older than this one (its id)")] = None,
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="With the original bytes in base 64")] = False,
) -> None:
    """Show dead letters, newest first, and how many there are by reason."""
    from app.bootstrap import opened
    from app.dead_letters import DeadLetters
    from app.dead_letters_shown import show_list

    with complaints():
        wanted, older_than = wanted_of(topic, reason, subject, since), ids_of([before] if before else [])

    async def go(settings: Settings) -> "DeadLetterList":
        async with opened(settings) as parts:
            return await DeadLetters(parts.store).newest(wanted, limit, *older_than)

    found = run(go)
    if as_json:
        terminal.say(found.model_dump_json())
    else:
        show_list(found)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="As `opportune dead-letters list` shows it", metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json", help="With the original bytes in base 64")] = False,
) -> None:
    """Show one dead letter: what was wrong, where it stood, and the original bytes."""
    from app.bootstrap import opened
    from app.dead_letters import DeadLetters, view
    from app.dead_letters_shown import show_one

    with complaints():
        wanted = ids_of([letter])

    async def go(settings: Settings) -> "DeadLetterView":
        async with opened(settings) as parts:
            (found,) = await DeadLetters(parts.store).find(wanted)
            return view(found)

    found = run(go)
    if as_json:
        terminal.say(found.model_dump_json())
    else:
        show_one(found)


@app.command()
def retry(
    ids: Ids = None,
    topic: Topic = None,
    reason: Why = None,
    subject: Subject = None,
    since: Since = None,
    everything: All = False,
) -> None:
    """Put records back into the log, once what was wrong is mended; those that fail again become dead letters again."""
    from app.bootstrap import following, opened
    from app.dead_letters import DeadLetters, Retried
    from app.dead_letters_shown import show_retried

    with complaints():
        choice = chosen(ids, (topic, reason, subject, since), everything)
        wanted = wanted_of(topic, reason, subject, since)

    async def go(settings: Settings) -> "Retried":
        done = Retried()
        # without a second attempt: it would find the letters gone that the first one has put back
        async with opened(settings, retries=0) as parts, following(parts.policies) as live:
            letters = DeadLetters(parts.store)
            async for page in _pages(letters, choice, wanted):
                await letters.put_back(page, live.current, done)
        return done

    done = run(go)
    show_retried(done)
    raise typer.Exit(1 if done.refusals else 0)


@app.command()
def drop(
    ids: Ids = None,
    topic: Topic = None,
    reason: Why = None,
    subject: Subject = None,
    since: Since = None,
    everything: All = False,
    unasked: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Drop dead letters for good."""
    from app.bootstrap import opened
    from app.dead_letters import DeadLetters

    with complaints():
        choice = chosen(ids, (topic, reason, subject, since), everything)
        wanted = wanted_of(topic, reason, subject, since)

    async def go(settings: Settings, count_only: bool) -> int:
        async with opened(settings, retries=0) as parts:
            letters = DeadLetters(parts.store)
            return sum([await _dropped(letters, page, count_only) async for page in _pages(letters, choice, wanted)])

    if not unasked:
        _ask(run(lambda settings: go(settings, count_only=True)))
    terminal.say(f"{terminal.counted(run(lambda settings: go(settings, count_only=False)), 'dead letter')} dropped")


async def _dropped(letters: "DeadLetters", page: "list[Letter]", count_only: bool) -> int:
    return len(page) if count_only else await letters.drop(page)


def _ask(amount: int) -> None:
    if not amount:
        terminal.say("no dead letter fits")
        raise typer.Exit(0)
    what = f"{terminal.counted(amount, 'dead letter')} with the original bytes"
    with complaints():
        if not sys.stdin.isatty():
            raise StartError(f"this would drop {what} for good, and nobody can be asked", hint="give --yes to drop")
    typer.confirm(f"Drop {what} for good?", abort=True)


async def _pages(letters: "DeadLetters", choice: "list[LetterId]", wanted: "Wanted") -> "AsyncIterator[list[Letter]]":
    """The letters that were named, or all that fit."""
    if choice:
        yield await letters.find(choice)
        return
    async for page in letters.fitting(wanted):
        yield page


def chosen(ids: list[str] | None, filters: tuple[str | None, ...], everything: bool) -> "list[LetterId]":
    """The letters that are named; none where a filter or --all says which. Raises StartError."""
    ways = [bool(ids), any(each is not None for each in filters), everything]
    if sum(ways) != 1:
        hint = "give ids, or --topic, --reason, --subject, --since, or --all; not two of these"
        raise StartError("say which dead letters", hint=hint)
    return ids_of(ids or [])


def ids_of(texts: list[str]) -> "list[LetterId]":
    """Raises StartError."""
    from app.dead_letters import LIST
    from profiles.dead_letters import LetterId

    try:
        return [LetterId.parsed(each) for each in dict.fromkeys(texts)]
    except ValueError as cause:
        raise StartError(str(cause), hint=LIST) from cause


def wanted_of(topic: str | None, reason: str | None, subject: str | None, since: str | None) -> "Wanted":
    """Raises StartError."""
    from app.dead_letters import Wanted
    from schemas.dead_letter import Reason
    from schemas.topics import TOPIC_BY_NAME

    for name, value, known in (("reason", reason, get_args(Reason)), ("topic", topic, tuple(TOPIC_BY_NAME))):
        if value is not None and value not in known:
            raise StartError(f"there is no {name} `{value}`", hint=f"the {name}s are {', '.join(known)}")
    return Wanted(topic, reason, subject, 0 if since is None else _since_ms(since, datetime.now(UTC)))


def _since_ms(text: str, now: datetime) -> int:
    from schemas.base import at_ms, duration_ms

    try:
        return at_ms(now) - duration_ms(text)
    except ValueError:
        pass
    try:
        return max(0, at_ms(datetime.fromisoformat(text)))
    except ValueError as cause:
        hint = "give how long ago, such as 30m, 2h or 3d, or a time such as 2026-11-27T08:00Z"
        raise StartError(f"--since {text}: this is no time", hint=hint) from cause
