"""Commands about decisions: why one came out as it did, and that it does so again."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app import terminal
from app.cli.common import complaints, run
from app.errors import StartError
from app.settings import Settings

if TYPE_CHECKING:
    from app.replaying import Replayed, Report
    from schemas.explanation import AgentExplanation, FullExplanation

app = typer.Typer()

DIFFERS = 3
"""The exit code of `replay` where something differs; 1 where something could not be replayed."""
Decision = Annotated[str, typer.Argument(help="The id of a decision, such as 0003-1M84…")]


@app.command()
def why(
    decision: Decision,
    offer: Annotated[str | None, typer.Argument(help="Only this offer, also if it was no candidate")] = None,
    agent: Annotated[bool, typer.Option("--agent", help="What an agent may read aloud")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As GET /v1/decisions/{id}/explain gives it")] = False,
) -> None:
    """Say why a decision came out as it did: the funnel, and each candidate with what would have to change."""
    from app.explained_screen import agent_lines, full_lines
    from schemas.explanation import FullExplanation

    async def go(settings: Settings) -> "AgentExplanation | FullExplanation":
        from app.bootstrap import opened
        from app.explaining import Explaining
        from app.past import PastPolicies
        from rules.arbitration import NothingLearned

        async with opened(settings) as parts:
            explaining = Explaining(parts.store, PastPolicies(parts.policies), NothingLearned())
            return await (explaining.for_agent if agent else explaining.full)(decision, offer)

    found = run(go)
    if as_json:
        terminal.say(found.model_dump_json(exclude_none=True))
    else:
        lines = full_lines(found) if isinstance(found, FullExplanation) else agent_lines(found)
        terminal.say("\n".join(lines))


@app.command()
def replay(
    decision: Annotated[str | None, typer.Argument(help="The id of one decision")] = None,
    since: Annotated[str | None, typer.Option(help="Or all that are kept since then: 1d, 2h, 2026-03-01")] = None,
    until: Annotated[str | None, typer.Option(help="And from before then: 1h, 2026-03-02T12:00Z (now)")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what came of it as JSON")] = False,
) -> None:
    """Decide again from the record, bit for bit. Ends with 0: the same, 3: something differs, 1: not replayed."""
    from app.explained_screen import replayed_lines, report_lines

    if decision is not None:
        with complaints():
            if since is not None or until is not None:
                raise StartError("give the id of one decision, or --since and --until for many")
        one = run(lambda settings: _one(settings, decision))
        _say(one.as_json() if as_json else "\n".join(replayed_lines(one)))
        raise typer.Exit(1 if one.refused else 0 if one.same else DIFFERS)
    with complaints():
        if since is None:
            raise StartError("say which: the id of a decision, or --since 1d for all of a day")
        now = datetime.now(UTC)
        wanted = _ms(since, now, "--since"), _ms(until or "0s", now, "--until")
    report = run(lambda settings: _many(settings, *wanted))
    _say(report.as_json() if as_json else "\n".join(report_lines(report)))
    raise typer.Exit(DIFFERS if report.differing else 1 if report.not_replayed else 0)


async def _one(settings: Settings, decision: str) -> "Replayed":
    from app.bootstrap import opened
    from app.past import PastPolicies
    from app.replaying import Replaying
    from rules.arbitration import NothingLearned

    async with opened(settings) as parts:
        return await Replaying(parts.store, PastPolicies(parts.policies), NothingLearned()).one(decision)


async def _many(settings: Settings, since_ms: int, until_ms: int) -> "Report":
    from app.bootstrap import opened
    from app.past import PastPolicies
    from app.replaying import Replaying
    from rules.arbitration import NothingLearned

    async with opened(settings) as parts:
        replaying = Replaying(parts.store, PastPolicies(parts.policies), NothingLearned())
        return await replaying.all_of(since_ms, until_ms, terminal.note)


def _ms(text: str, now: datetime, option: str) -> int:
    """Of a time, or of so long ago. Raises StartError."""
    from schemas.base import at_ms, duration_ms

    try:
        return at_ms(datetime.fromisoformat(text)) if "-" in text else at_ms(now) - duration_ms(text)
    except ValueError as cause:
        hint = "1d, 2h and 30m are so long ago; 2026-03-01 and 2026-03-01T12:00Z are times (UTC without a zone)"
        raise StartError(f"{option} {text}: this is no time", hint=hint) from cause


def _say(what: Any) -> None:
    import orjson

    terminal.say(what if isinstance(what, str) else orjson.dumps(what).decode())
