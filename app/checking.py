"""`opportune check`: every finding of a policy folder, and whether the examples written beside the rules hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.examples import mismatches
from consumers.live import LivePolicy
from rules.policy import Finding, check, read_folder


@dataclass(frozen=True, slots=True)
class Report:
    files: Mapping[str, str]
    findings: tuple[Finding, ...]
    policy: LivePolicy | None
    """None if a finding is an error: then the examples are not run."""
    examples: int
    failed: int

    @property
    def examples_run(self) -> bool:
        return self.policy is not None

    @property
    def ok(self) -> bool:
        return self.policy is not None and not self.failed


def check_folder(folder: Path, now_ms: int) -> Report:
    """Raises OSError if the folder cannot be read."""
    files = read_folder(folder)
    checked = check(files)
    if not checked.ok or checked.policy is None:
        return Report(files, checked.findings, None, 0, 0)
    policy = LivePolicy.compiled(checked)
    failures = [
        Finding("error", checked.where(("examples", index)), f"example `{example.name}`: {wrong}")
        for index, example in enumerate(checked.policy.examples)
        for wrong in mismatches(example, policy, now_ms)
    ]
    return Report(
        files=files,
        findings=(*checked.findings, *failures),
        policy=policy,
        examples=len(checked.policy.examples),
        failed=len({finding.position for finding in failures}),
    )
