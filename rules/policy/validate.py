"""From the joined tree to a `Policy`, or to everything that keeps it from being one.

Promises a finding, at its place, for every error of the models, and the policy without the entries that
have one, so that the rest is judged in the same run. Leaves the wording to `wording` and what holds between
entries to `lint`.
"""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rules.policy.findings import Finding, Path
from rules.policy.join import ONCE
from rules.policy.nodes import Entry, Mapping, Node, Sequence, plain
from rules.policy.strict import loose_values
from rules.policy.vocabulary import DECLARING
from rules.policy.wording import finding_of
from schemas.policy import Policy

Details = list[dict[str, Any]]
HIDING = (*DECLARING, "rules")
"""Sections in which an unknown field may be what others look for."""
EMPTY: Table[str, Any] = {"policy": {"name": "unnamed"}}


@dataclass(frozen=True, slots=True)
class Validated:
    policy: Policy
    """What could be understood."""
    tree: Node
    """The tree of exactly that."""
    findings: tuple[Finding, ...]
    broken: frozenset[str]
    """Sections of which entries were left out: what others say about them cannot be judged."""


def validate(tree: Mapping) -> Validated:
    """Leaves out what is refused and tries again, until the rest is understood."""
    findings: list[Finding] = []
    broken: set[str] = set()
    kept: Node = tree
    while True:
        try:
            policy = Policy.model_validate({**EMPTY, **plain(kept)})
        except ValidationError as error:
            details = _without_echoes([dict(each) for each in error.errors(include_url=False)])
            findings += [finding_of(each, kept) for each in details]
            broken |= _hidden_by(details)
            kept = _without_refused(kept, details)
        else:
            findings += loose_values(policy, kept)
            return Validated(policy, kept, tuple(findings), frozenset(broken))


def _hidden_by(details: Details) -> set[str]:
    """Sections that are not known in full: an unknown field may be a misspelt section, the `fields` of a type or the
    `when` of a rule."""
    unknown, others = _split(details)
    if any(len(path) == 1 for path in unknown):
        return set(Policy.model_fields)
    return {str(path[0]) for path in others} | {str(path[0]) for path in unknown if path[0] in HIDING}


def _without_refused(tree: Node, details: Details) -> Node:
    """Without the unknown fields and the entries that have another error; without their sections if that is nothing."""
    unknown, others = _split(details)
    smaller = _without(tree, [*unknown, *map(_entry, others)])
    if plain(smaller) != plain(tree):
        return smaller
    return _without(tree, [path[:1] for path in others])


def _split(details: Details) -> tuple[list[Path], list[Path]]:
    """The paths of unknown fields, and those of all other errors."""
    unknown = [tuple(each["loc"]) for each in details if each["type"] == "extra_forbidden"]
    return unknown, [tuple(each["loc"]) for each in details if each["type"] != "extra_forbidden"]


def _without_echoes(details: Details) -> Details:
    """A list whose items are refused is also called too short; only the items are worth reporting."""
    paths = [tuple(each["loc"]) for each in details]
    return [each for each, path in zip(details, paths, strict=True)
            if each["type"] != "too_short" or not any(_is_below(other, path) for other in paths)]  # fmt: skip


def _is_below(path: Path, around: Path) -> bool:
    return len(path) > len(around) and path[: len(around)] == around


def _entry(path: Path) -> Path:
    """What to leave out for an error: an item of a list or a name of the section, or else the section."""
    if path[0] not in ONCE:
        return path[:2]
    return path[:3] if len(path) > 2 and isinstance(path[2], int) else path[:1]


def _without(node: Node, gone: Iterable[Path]) -> Node:
    """A copy of the tree without what stands at these paths."""
    below: defaultdict[str | int, list[Path]] = defaultdict(list)
    for path in gone:
        below[path[0]].append(path[1:])
    ends = {step for step, paths in below.items() if () in paths}
    match node:
        case Sequence():
            kept = [_smaller(item, below.get(at)) for at, item in enumerate(node.items) if at not in ends]
            return Sequence(node.source, node.start, kept)
        case Mapping():
            entries = {name: Entry(entry.key, _smaller(entry.value, below.get(name)))
                       for name, entry in node.entries.items() if name not in ends}  # fmt: skip
            return Mapping(node.source, node.start, entries)
    return node


def _smaller(node: Node, gone: list[Path] | None) -> Node:
    return _without(node, gone) if gone else node
