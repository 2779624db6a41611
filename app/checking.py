"""`opportune check`: every finding of a policy folder, and whether the examples written beside the rules hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from app.examples import mismatches
from consumers.live import LivePolicy
from rules.policy import Checked, Finding, check, read_folder
from schemas.base import moment


@dataclass(frozen=True, slots=True)
class Report:
    files: Mapping[str, str]
    findings: tuple[Finding, ...]
    policy: LivePolicy | None
    """None if a finding is an error: then the examples are not run."""
    examples: int
    failed: int
    conditions: int = 0
    """Scores included."""
    delegated: int = 0
    """Conditions that Google's evaluator answers, since no code is generated for a construct in them."""

    @property
    def ok(self) -> bool:
        return self.policy is not None and not self.failed


def check_folder(folder: Path, now_ms: int) -> Report:
    """Raises OSError if the folder cannot be read."""
    report = check_files(read_folder(folder), now_ms)
    return report if report.files else replace(report, findings=tuple(_at_folder(folder, report.findings)))


def check_files(files: Mapping[str, str], now_ms: int) -> Report:
    checked = check(files, moment(now_ms).date())
    if not checked.ok or checked.policy is None:
        return Report(files, checked.findings, None, 0, 0)
    policy = LivePolicy.compiled(checked)
    expressions = (*checked.conditions.values(), *checked.scores.values())
    failures = [_failures(index, checked, policy, now_ms) for index in range(len(checked.policy.examples))]
    return Report(
        files=files,
        findings=(*checked.findings, *(finding for each in failures for finding in each)),
        policy=policy,
        examples=len(failures),
        failed=sum(map(bool, failures)),
        conditions=len(expressions),
        delegated=sum(not each.generated for each in expressions),
    )


def _failures(index: int, checked: Checked, policy: LivePolicy, now_ms: int) -> list[Finding]:
    """What one example expects otherwise, each at the words that say so."""
    example = policy.ruleset.policy.examples[index]
    return [
        Finding(
            "error",
            checked.where(("examples", index, *wrong.path)),
            f"example `{example.name}`: {wrong.message}",
            wrong.hint,
            "example",
        )
        for wrong in mismatches(example, policy, now_ms)
    ]


def _at_folder(folder: Path, findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """Without any file, what is said is about the folder itself."""
    for finding in findings:
        yield replace(finding, position=replace(finding.position, file=str(folder)))
