"""What a check looks at, and how it says what it found."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from rules.language import Condition, Expression
from rules.policy.findings import Finding, Path
from rules.policy.nodes import Node
from rules.policy.places import place_of
from schemas.policy import Policy


@dataclass(frozen=True, slots=True)
class Subject:
    policy: Policy
    tree: Node
    broken: frozenset[str] = frozenset()
    """Sections of which entries were refused."""
    conditions: Mapping[Path, Condition] = field(default_factory=dict)
    """Those that compiled."""
    today: date | None = None
    """What lies before it is in the past; nothing does if it is not known."""
    moments: Mapping[Path, Expression] = field(default_factory=dict)
    """The `at` of rules, where it compiled."""

    def sound(self, *sections: str) -> bool:
        """Whether all of these sections are known in full."""
        return self.broken.isdisjoint(sections)

    def error(self, path: Path, kind: str, message: str, hint: str | None = None) -> Finding:
        return Finding("error", place_of(self.tree, path), message, hint, kind)

    def warning(self, path: Path, kind: str, message: str, hint: str | None = None) -> Finding:
        return Finding("warning", place_of(self.tree, path), message, hint, kind)


Check = Callable[[Subject], Iterator[Finding]]
