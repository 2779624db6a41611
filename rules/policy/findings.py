"""What `check` says about a policy: where, how bad, what, and what to do about it.

Promises values that can be compared, sorted and printed. Leaves finding them to the other modules of this
package.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]
MOST_LISTED = 10
MOST_COMPARED = 200  # thousands of unknown names among thousands of known ones would take minutes
Path = tuple[str | int, ...]
"""Where a value stands in the joined policy: `("rules", 3, "if")`."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column are 1-based, the column counts characters. Line 0 is the file as a whole."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. An `error` refuses the policy; a `warning` does not."""

    severity: Severity
    position: Position
    message: str
    hint: str | None = None
    id: str = ""
    """Stable name of this kind of finding, such as `unknown-offer`."""

    def __str__(self) -> str:
        hint = f" (hint: {self.hint})" if self.hint else ""
        return f"{self.position}: {self.severity}: {self.message}{hint}"


def in_file_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each once, by file, line and column."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.position, each.message)))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the one most like `name`; None if nothing is near enough to be what was meant."""
    candidates = list(known)
    if len(candidates) > MOST_COMPARED:
        candidates = [each for each in candidates if each[:1] == name[:1] and abs(len(each) - len(name)) <= 3]
    close = get_close_matches(name, candidates[:MOST_COMPARED], n=1, cutoff=0.7)
    return f"did you mean `{close[0]}`?" if close else None


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The nearest name, or else all of them; None if they are too many to list."""
    names = list(known)
    return nearest(name, names) or (_listed(names) if 0 < len(names) <= MOST_LISTED else None)


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(f"`{each}`" for each in names[:-1])
    return f"there are {first} and `{names[-1]}`" if first else f"there is only `{names[-1]}`"
