"""What the command line shows. Answers go to standard output, everything else to standard error."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import typer

if TYPE_CHECKING:
    from app.checking import Report
    from app.rebuild import Report as Rebuilt
    from app.supervisor import Up
    from rules.language.cases import Trial
    from schemas.action import ActionPage
    from schemas.erasure import ErasureReceipt
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
    worker = up.worker_metrics or "the worker's are where its log says (`worker started`)"
    lines = [
        "Opportune is up. Ctrl-C ends it.",
        f"  API        {up.api}",
        f"  reference  {up.api}/docs",
        f"  metrics    {up.api}/metrics; {worker}",
        f"  Redis      {redis_cli(up)}",
        "In another terminal, in this folder:",
        f"  policy     {ourselves(up)} publish {_bank()}",
        f"  keys       {ourselves(up)} keys list",
    ]
    if up.others:  # by name only: some are secrets
        lines.append(f"  settings   there as here: {', '.join(up.others)}")
    if up.new_key:
        lines += ["", "An API key was made, for everything but approving policies. It is shown only now:"]
        lines += [f"  KEY={up.new_key}"]
        lines += [f"  curl -s -H 'Authorization: Bearer {up.new_key}' {up.api}/v1/scorecard"]
    say("\n".join(lines))


def ourselves(up: "Up") -> str:
    """How to call us so that a command finds the same store."""
    from app import ROOT

    script = "./opportune" if Path.cwd() == ROOT else shlex.quote(str(ROOT / "opportune"))
    if up.var is None:
        return f"OPPORTUNE_REDIS={shlex.quote(without_password(up.redis))} {script}"
    usual = up.var == Path("var").absolute()
    return script if usual else f"OPPORTUNE_VAR={shlex.quote(str(up.var))} {script}"


def _bank() -> str:
    """The policy that comes along, from where we are."""
    from app import ROOT

    folder = Path("examples") / "bank-contact-centre"
    return str(folder) if Path.cwd() == ROOT else shlex.quote(str(ROOT / folder))


def redis_cli(up: "Up") -> str:
    from app.redis_binary import find_redis_cli
    from profiles.cluster import is_cluster

    if is_cluster(up.redis):
        host, _, port = up.redis.rpartition("@")[2].rpartition("/")[2].split(",")[0].rpartition(":")
        return shlex.join([str(find_redis_cli()), "-c", "-h", host, "-p", port])
    url = urlsplit(up.redis)
    where = ["-s", unquote(url.path)] if url.scheme == "unix" else ["-u", without_password(up.redis)]
    return shlex.join([str(find_redis_cli()), *where])


def show_report(report: "Report", tell: Callable[[str], None] = say) -> None:
    """Every finding, then what they come to."""
    for finding in report.findings:
        tell(str(finding))
    severities = [finding.severity for finding in report.findings]
    found = [counted(severities.count(each), each) for each in ("error", "warning") if each in severities]
    verdict = "the policy fits" if report.ok else "the policy does not fit"
    tell(f"{', '.join([counted(len(report.files), 'file'), *found])}: {verdict}; {_examples(report)}")
    if report.delegated:
        tell(
            f"{counted(report.delegated, 'condition')} of {report.conditions} not generated: Google's evaluator answers"
        )


def _examples(report: "Report") -> str:
    if report.policy is None:
        return "its examples were not run"
    if not report.examples:
        return "it has no examples"
    holding = report.examples - report.failed
    return f"{holding} of {counted(report.examples, 'example')} {'holds' if holding == 1 else 'hold'}"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


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


def show_actions(page: "ActionPage") -> None:
    for each in page.actions:
        what = each.list or f"{each.channel} {each.placement}"
        said = each.text or each.offer or ""
        say(f"{each.at}  {each.kind:<9}  {what:<20}  {each.customer or each.visitor or '':<20}  {each.rule}  {said}")
    if page.more:
        note(f"there is more: --after {page.cursor}")


def show_erasure(receipt: "ErasureReceipt") -> None:
    removed = ", ".join(f"{amount:,} {kind}" for kind, amount in (receipt.removed or {}).items() if amount)
    say(f"{receipt.state}: receipt {receipt.receipt}; removed: {removed or 'nothing'}")
    if receipt.state == "pending":
        note("it is in the log, and done as soon as a worker runs; GET /v1/erasures/<receipt> says when")


def show_rebuild(report: "Rebuilt", as_json: bool) -> None:
    if as_json:
        import orjson

        say(orjson.dumps(report, option=orjson.OPT_SORT_KEYS).decode())
        return
    for each in report.samples:
        say(f"{each['what']}: {each['field']}\n  live     {each['live']}\n  rebuilt  {each['rebuilt']}")
    differing = ", ".join(f"{name} in {amount:,}" for name, amount in report.fields.most_common())
    say(f"{counted(report.customers, 'customer')} compared: {report.differing:,} differ{_mended(report)}")
    if differing:
        say(f"  by field: {differing}")
    say(f"{counted(report.timers, 'timer')} and {counted(report.counts, 'count')} of the scorecard differ")
    if report.counts_kept:
        say(f"{counted(report.counts_kept, 'count')} above what the log explains stay: customers were erased")
    note(f"folded with the policy {report.policy}, which is live")


def _mended(report: "Rebuilt") -> str:
    return f", {report.mended:,} are mended" if report.mended else ""


def show_scorecard(scorecard: "Scorecard") -> None:
    from rich.console import Console

    from app.scorecard.tables import show

    show(scorecard, Console())


def without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
