"""The tree of a YAML document: plain values that know where they stand.

Promises one tree for both, so that data and positions cannot disagree. Leaves reading YAML to `reader`,
joining files to `join`, and the way along a path of the models to `places`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rules.policy.alignment import Style, index_in_text
from rules.policy.findings import Position
from rules.policy.source import Source

Value = str | int | float | bool | None


@dataclass(slots=True, eq=False)
class Scalar:
    source: Source
    start: int
    value: Value
    style: Style = "plain"
    size: int = 1
    height: int = 0

    def position_inside(self, line: int, column: int) -> Position:
        """Where a character of this text stands in the file; line and column are 1-based within the text."""
        lines = str(self.value).split("\n")
        return self.position_of(sum(len(each) + 1 for each in lines[: line - 1]) + column - 1)

    def position_of(self, offset: int) -> Position:
        """Where the character at this offset of the text stands in the file."""
        return self.source.position(index_in_text(self.source.text, self.start, self.style, str(self.value), offset))


@dataclass(slots=True, eq=False)
class Sequence:
    source: Source
    start: int
    items: list[Node] = field(default_factory=list)
    size: int = 1
    """Values in it, itself included; what an alias brings is counted as often as it is used."""
    height: int = 1
    """Levels of collections, itself included."""


@dataclass(slots=True, eq=False)
class Mapping:
    source: Source
    start: int
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1
    height: int = 1


Node = Scalar | Sequence | Mapping


@dataclass(slots=True, eq=False)
class Entry:
    """One line of a mapping: the key's place and the value."""

    key: Scalar
    value: Node


def position(node: Node) -> Position:
    return node.source.position(node.start)


def plain(node: Node) -> Any:
    """The data without the places."""
    match node:
        case Mapping():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value


def child(node: Node, step: str | int) -> Node | None:
    match node, step:
        case Mapping(), str() if step in node.entries:
            return node.entries[step].value
        case Sequence(), int() if step < len(node.items):
            return node.items[step]
    return None
