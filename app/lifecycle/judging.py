"""What is asked of the files of a policy before a step is taken: functions of the files alone, for a process of its own
(app/beside.py), that answer with little."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.checking import Report, check_files
from app.errors import PolicyRefused
from app.lifecycle.book import Heading
from consumers.live import LivePolicy
from rules.differences import differences
from rules.policy import Finding, check
from schemas.difference import PolicyDifferences

Findings = tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    heading: Heading | None
    """None if it does not fit, or one of its examples does not hold."""
    findings: Findings

    @staticmethod
    def of(report: Report) -> "Judged":
        heading = Heading.of(report.policy) if report.policy is not None and report.ok else None
        return Judged(heading, report.findings)

    def required(self) -> Heading:
        """Raises PolicyRefused."""
        if self.heading is None:
            raise refused(tuple(each for each in self.findings if each.severity == "error"))
        return self.heading


def judged(files: Mapping[str, str], now_ms: int) -> Judged:
    return Judged.of(check_files(files, now_ms))


def misfits(files: Mapping[str, str]) -> Findings | None:
    """None if it can go live with the program that runs now."""
    checked = check(files)
    try:
        LivePolicy.compiled(checked)
    except ValueError:
        return checked.findings
    return None


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> PolicyDifferences | Findings:
    """The findings of one that cannot be understood (any more)."""
    first, second = check(before), check(after)
    if first.policy is None:
        return first.findings
    if second.policy is None:
        return second.findings
    found = tuple(differences(first.policy, second.policy))
    return PolicyDifferences(before=first.revision, after=second.revision, differences=found)


def refused(findings: Findings) -> PolicyRefused:
    """With the place of each."""
    return PolicyRefused(
        errors=[
            {"file": each.position.file, "line": each.position.line, "column": each.position.column,
             "reason": each.message, **({"hint": each.hint} if each.hint else {})}
            for each in findings
        ]
    )  # fmt: skip
