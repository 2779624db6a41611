"""A policy folder after checking: what it means, or everything that keeps it from being published."""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.language import Condition, Expression, Vocabulary
from rules.policy.findings import Finding, Path, Position
from rules.policy.nodes import Node
from rules.policy.places import place_of
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class Checked:
    files: Mapping[str, str]
    """Text by path relative to the folder, as it was checked."""
    revision: str
    """Changes with any character of any file."""
    policy: Policy | None
    """None if the files cannot be understood as a whole; otherwise `ok` says whether it may be published."""
    findings: tuple[Finding, ...]
    """All at once, in file order."""
    vocabulary: Vocabulary
    """Every name that any condition may use; `rules.policy.vocabulary.Scopes` has the narrower ones."""
    conditions: Mapping[Path, Condition]
    """Every condition that compiled, by its path in the policy: `("rules", 3, "condition")`."""
    scores: Mapping[str, Expression]
    """Every score that compiled, by name."""
    moments: Mapping[Path, Expression]
    """The `at` of every rule that has one, likewise."""
    tree: Node
    """The joined files, with the place of every value."""

    @property
    def ok(self) -> bool:
        """Whether it may be published."""
        return self.policy is not None and not any(each.severity == "error" for each in self.findings)

    def where(self, path: Path) -> Position:
        """The place of a value, or of what is around it if it is not written there."""
        return place_of(self.tree, path)
