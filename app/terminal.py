"""What the command line shows. Answers go to standard output, everything else to standard error."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from app.checking import Report
    from app.supervisor import Up
    from rules.language.cases import Trial
    from schemas.keys import KeyView
    from schemas.scorecard import Scorecard


def say(text: str) -> None:
    typer.echo(text)


def note(text: str) -> None:
    typer.echo(text, err=True)


def complain(text: str, hint: str) -> None:
    note(f"opportune: {text}")
    if hint:
        note(f"  {hint}")


def announce(up: "Up") -> None:
    lines = [
        "Opportune is up. Ctrl-C ends it.",
        f"  API        {up.api}",
        f"  reference  {up.api}/docs",
        f"  metrics    {up.api}/metrics (the worker logs where it serves its own)",
        f"  Redis      {_redis_cli(up)}",
        "  policy     opportune publish FOLDER",
        "  keys       opportune keys list",
    ]
    if up.new_key:
        lines += ["", "An API key for everything was made. It is shown only now:", f"  {up.new_key}"]
        lines += [f"  curl -H 'Authorization: Bearer {up.new_key}' {up.api}"]
    say("\n".join(lines))


def _redis_cli(up: "Up") -> str:
    from app.redis_binary import find_redis_cli

    if up.socket is None:
        return f"redis-cli -u {without_password(up.redis)}"
    return f"{find_redis_cli()} -s {up.socket}"


def show_report(report: "Report") -> None:
    for finding in report.findings:
        note(str(finding))
    passed = report.examples - report.failed
    verdict = "fits" if report.ok else "does not fit"
    note(f"{len(report.files)} files: the policy {verdict}; {passed} of {report.examples} examples hold")


def show_trial(trial: "Trial") -> None:
    from rules.language.written import shown

    say(f"{shown(trial.value)}  ({trial.type})")
    if trial.why:
        say(trial.why)
    if not trial.generated:
        note("evaluated by Google's front end: no code is generated for this construct")


def show_keys(keys: "list[KeyView]") -> None:
    for key in keys:
        say(f"{key.id}  {key.created:%Y-%m-%d %H:%M}  {','.join(key.scopes):<32}  {key.name}")


def show_scorecard(scorecard: "Scorecard") -> None:
    from rich.console import Console

    from app.scorecard.tables import tables

    for table in tables(scorecard):
        Console().print(table)


def without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
