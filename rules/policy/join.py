"""All files of a folder as one tree.

Promises that every value keeps its own file and place. Sections of the same kind are joined; what only one
file may say twice is a finding that names both places. Leaves unknown sections and fields to `validate`.
"""

from collections.abc import Sequence as Items

from rules.policy.findings import Finding, Position
from rules.policy.nodes import Entry, Mapping, Node, Scalar, Sequence, position
from rules.policy.source import Source

ONCE = frozenset({"policy", "session", "lifecycle", "contact_policy", "arbitration", "attribution", "holdout"})
FOLDER = Position(".", 0, 0)
LISTS = frozenset({"campaigns", "offers", "rules", "examples"})


def join(roots: Items[Node]) -> tuple[Mapping, list[Finding]]:
    """The joined tree, its sections in the order in which they are first met, and what did not fit."""
    joined, findings = Mapping(Source("", ""), 0), list[Finding]()
    for root in roots:
        if isinstance(root, Mapping):
            for section, entry in root.entries.items():
                _add(joined, section, entry, findings)
        elif not _is_nothing(root):
            findings.append(_error(position(root), "section", "a policy file holds sections such as `offers:`"))
    return joined, findings


def missing_header(joined: Mapping, files: Items[str]) -> list[Finding]:
    """The one section that a policy cannot do without."""
    if "policy" in joined.entries:
        return []
    if not files:
        return [Finding("error", FOLDER, "no *.yaml file was found in this folder", None, "no-files")]
    hint = "write `policy: {name: my-policy}` in one of the files"
    return [Finding("error", Position(files[0]), "no file has the header `policy:`", hint, "missing-header")]


def _add(joined: Mapping, section: str, entry: Entry, findings: list[Finding]) -> None:
    there = joined.entries.get(section)
    if _is_nothing(entry.value):
        where, hint = position(entry.key), "leave it out"
        findings.append(Finding("warning", where, f"the section `{section}:` is empty", hint, "empty-section"))
    elif there is None:
        joined.entries[section] = Entry(entry.key, _copied(entry.value))
    elif section in ONCE:
        findings.append(_twice(f"the section `{section}:`", entry.key, there.key))
    elif isinstance(there.value, Sequence) and isinstance(entry.value, Sequence):
        there.value.items.extend(entry.value.items)
    elif isinstance(there.value, Mapping) and isinstance(entry.value, Mapping):
        _merge(there.value, entry.value, findings)
    else:
        kind = "a list" if section in LISTS else "names with their definitions"
        findings.append(_error(position(entry.value), "section", f"`{section}:` holds {kind}"))


def _merge(there: Mapping, more: Mapping, findings: list[Finding]) -> None:
    for name, entry in more.entries.items():
        first = there.entries.setdefault(name, entry)
        if first is not entry:
            findings.append(_twice(f"`{name}`", entry.key, first.key))


def _copied(node: Node) -> Node:
    """Sections are extended while joining; the file's own tree stays as it was read."""
    match node:
        case Mapping():
            return Mapping(node.source, node.start, dict(node.entries))
        case Sequence():
            return Sequence(node.source, node.start, list(node.items))
    return node


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _twice(what: str, second: Scalar, first: Scalar) -> Finding:
    return _error(position(second), "defined-twice", f"{what} is given twice, first at {position(first)}")


def _error(where: Position, kind: str, message: str) -> Finding:
    return Finding("error", where, message, None, kind)
