"""Commands about the life of a policy: draft, approve, publish, roll back, and what became of each revision."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from app import terminal
from app.cli.common import complaints, run, settings_read
from app.cli.policies import Folder, checked
from app.errors import StartError
from app.settings import Settings

if TYPE_CHECKING:
    from app.checking import Report
    from app.lifecycle.book import Who
    from app.lifecycle.policies import Policies
    from schemas.difference import PolicyDifferences
    from schemas.revision import AuditPage, RevisionList, RevisionView

app = typer.Typer()
Answer = TypeVar("Answer")

REVISION = re.compile("[0-9a-f]{16}")
WAITS = 3
"""The exit code of `publish` where the policy is drafted and somebody else has to approve it."""
Revision = Annotated[str, typer.Argument(help="As `opportune policies` shows it")]
Note = Annotated[str, typer.Option(help="Why, for those who read the log")]
Key = Annotated[str, typer.Option(help="The API key of whoever acts; OPPORTUNE_KEY is seen by fewer eyes")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON")]


@app.command()
def draft(folder: Folder, note: Note = "", key: Key = "") -> None:
    """Check a policy and keep it for others to look at, approve and publish."""
    report = _fitting(folder)
    drafted = _taken(key, "publish", lambda policies, who: policies.keep(report, who, note))
    terminal.say(f"{drafted.state}: {drafted.revision}")


@app.command()
def approve(revision: Revision, note: Note = "", key: Key = "") -> None:
    """Approve a draft of somebody else."""
    approved = _taken(key, "approve", lambda policies, who: policies.approve(revision, who, note))
    terminal.say(f"approved: {approved.revision}")


@app.command()
def publish(
    policy: Annotated[str, typer.Argument(help="The folder of a policy, or a revision that was drafted")],
    at: Annotated[str, typer.Option(help="When: 2026-12-01T08:00+01:00 (now)")] = "",
    note: Note = "",
    key: Key = "",
) -> None:
    """Make a policy live, now or at a time. A folder is checked and drafted first. Ends with 3 where it waits for
    somebody else's approval."""
    with complaints():
        moment = _moment(at) if at else None
        if not Path(policy).is_dir() and not REVISION.fullmatch(policy):
            raise StartError(f"{policy} is no folder, and no revision", hint="`opportune policies` lists revisions")
    report = _fitting(Path(policy)) if Path(policy).is_dir() else None

    async def go(policies: "Policies", who: "Who") -> "RevisionView":
        revision = policy
        if report is not None:
            drafted = await policies.keep(report, who, note)
            if drafted.state == "live" or await policies.waits(drafted):
                return drafted
            revision = drafted.revision
        return await policies.publish(revision, who, note, at=moment)

    view = _taken(key, "publish", go)
    when = f" at {view.goes_live}" if view.goes_live else ""
    terminal.say(f"{view.state}: {view.revision}{when}")
    if view.state not in ("live", "scheduled"):
        terminal.note(f"it goes live after somebody else has approved it: {_steps(view.revision, at)}")
        raise typer.Exit(WAITS)


@app.command()
def rollback(
    revision: Annotated[str | None, typer.Argument(help="One that was live; without it the one before")] = None,
    note: Note = "",
    key: Key = "",
) -> None:
    """Make a policy live again that was. The one that was live needs a new approval."""
    view = _taken(key, "publish", lambda policies, who: policies.roll_back(revision, who, note))
    terminal.say(f"live: {view.revision}")


@app.command()
def withdraw(revision: Revision, note: Note = "", key: Key = "") -> None:
    """Take a policy off the schedule, and its approval away."""
    view = _taken(key, "publish", lambda policies, who: policies.withdraw(revision, who, note))
    terminal.say(f"{view.state}: {view.revision}")


@app.command("policies")
def show(as_json: AsJson = False) -> None:
    """List the revisions there are: their states, who has drafted and approved them, and when."""
    from app.revisions_screen import revision_lines

    async def go(policies: "Policies") -> "RevisionList":
        return await policies.list()

    found = _asked(go)
    terminal.say(found.model_dump_json(exclude_none=True) if as_json else "\n".join(revision_lines(found)))


@app.command()
def audit(
    last: Annotated[int, typer.Option(min=1, max=10_000, help="So many of the latest entries")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was done to policies, by whom and when."""
    from app.revisions_screen import audit_lines

    async def go(policies: "Policies") -> "AuditPage":
        return await policies.audit(None, last)

    found = _asked(go)
    terminal.say(found.model_dump_json(by_alias=True, exclude_none=True) if as_json else "\n".join(audit_lines(found)))


@app.command()
def diff(
    policy: Annotated[str, typer.Argument(help="A folder, a revision, or `live`")],
    other: Annotated[
        str | None, typer.Argument(help="What it is compared with; without it, the live one with it")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in business words how one policy differs from another."""
    from app.lifecycle.judging import differing
    from app.lifecycle.policies import understood
    from app.revisions_screen import difference_lines

    sides = (policy, other) if other is not None else ("live", policy)
    folders = {side: _understood(Path(side)) for side in sides if Path(side).is_dir()}

    async def go(policies: "Policies") -> "PolicyDifferences":
        before, after = [folders[side] if side in folders else await policies.files(side) for side in sides]
        return understood(differing(before, after))

    needs_no_store = all(side in folders for side in sides)
    found = understood(differing(*(folders[side] for side in sides))) if needs_no_store else _asked(go)
    terminal.say(found.model_dump_json() if as_json else "\n".join(difference_lines(found)))


def _taken(key: str, scope: str, step: "Callable[[Policies, Who], Awaitable[RevisionView]]") -> "RevisionView":
    """What became of the revision."""
    from app.bootstrap import opened
    from app.lifecycle.acting import acting
    from app.lifecycle.policies import Policies

    async def go(settings: Settings) -> "RevisionView":
        async with opened(settings) as parts:
            who = await acting(parts.registry, key or settings.key, scope)
            return await step(Policies(parts.policies.lifecycle), who)

    return run(go)


def _asked(question: "Callable[[Policies], Awaitable[Answer]]") -> Answer:
    from app.bootstrap import opened
    from app.lifecycle.policies import Policies

    async def go(settings: Settings) -> Answer:
        async with opened(settings) as parts:
            return await question(Policies(parts.policies.lifecycle))

    return run(go)


def _fitting(folder: Path) -> "Report":
    """The report on a folder that may go live; otherwise it is shown, and the command ends."""
    with settings_read():
        report = checked(folder)
        terminal.show_report(report, terminal.note)
        if not report.ok:
            raise StartError("the policy is not published; the live one stays", hint="mend what is listed above")
    return report


def _understood(folder: Path) -> Mapping[str, str]:
    with settings_read():
        report = checked(folder)
        if report.policy is None:
            terminal.show_report(report, terminal.note)
            raise StartError(f"{folder} cannot be compared", hint="mend what is listed above")
    return report.files


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as cause:
        raise StartError(f"“{text}” is no time", hint="write it as 2026-12-01T08:00+01:00") from cause
    if found.tzinfo is None:
        raise StartError(f"“{text}” has no zone", hint=f"write it as {text}+01:00, or {text}Z")
    return found


def _steps(revision: str, at: str) -> str:
    when = f" --at {at}" if at else ""
    return f"opportune approve {revision}; then opportune publish {revision}{when}"
