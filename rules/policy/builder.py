"""From the YAML parser's events to a tree of nodes.

Promises a tree of bounded depth and size. A duplicate key (both places are named), a tag, a merge key and a
number that nothing can hold are findings beside it; a second document, a key that is not text and aliases
that grow too large end it.
"""

import re
from typing import NoReturn

import yaml

from rules.policy.alignment import Style
from rules.policy.findings import Finding
from rules.policy.nodes import Entry, Mapping, Node, Scalar, Sequence, position
from rules.policy.quoting import HINT, is_negation
from rules.policy.scalars import meaning
from rules.policy.source import Source

DEEPEST = 60
MOST_NODES = 1_000_000
PROPERTIES = re.compile(r"([&!][^\s,\[\]{}]*\s*)+")
STYLES: dict[str | None, Style] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}


class Stopped(Exception):  # noqa: N818 (a signal: the finding is already written)
    """Nothing more of this file can be read."""


class Builder:
    """Takes events in order; `_open` has the unclosed collections, with the key each will stand at."""

    def __init__(self, source: Source) -> None:
        self.root: Node | None = None
        self.findings: list[Finding] = []
        self._source = source
        self._open: list[tuple[Sequence | Mapping, Scalar | None]] = []
        self._key: Scalar | None = None
        self._anchors: dict[str, Node] = {}

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._refuse_tag(event)
                self._put(self._anchored(event, self._scalar(event)))
            case yaml.AliasEvent():
                self._put(self._alias(event))
            case yaml.SequenceStartEvent():
                self._begin(event, Sequence(self._source, _start(event)))
            case yaml.MappingStartEvent():
                self._begin(event, Mapping(self._source, _start(event)))
            case yaml.CollectionEndEvent():
                node, self._key = self._open.pop()
                self._put(node)
            case yaml.DocumentStartEvent() if self.root is not None:
                self._stop(_start(event), "second-document", "a second document in one file")

    def _report(self, index: int, kind: str, message: str, hint: str | None = None) -> None:
        self.findings.append(Finding("error", self._source.position(index), message, hint, kind))

    def _stop(self, index: int, kind: str, message: str, hint: str | None = None) -> NoReturn:
        self._report(index, kind, message, hint)
        raise Stopped

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if _is_negated(event):
            self._report(_start(event), "tag", "YAML takes a `!` at the beginning for a tag", HINT)
        elif event.tag is not None:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._report(_start(event), "tag", f"the tag `{shown}` is not used here", "leave it out")

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if _is_negated(event):
            return Scalar(self._source, _start(event), "true")  # accepted as a condition, so that it is reported once
        index, style = self._past_properties(event), STYLES.get(event.style, "plain")
        if style != "plain" or self._expects_key():  # a key is a name, whatever it looks like
            return Scalar(self._source, index, event.value, style)
        try:
            return Scalar(self._source, index, meaning(event.value))
        except ValueError as error:
            self._report(index, "number", f"{event.value[:40]} cannot be used: {error}")
            return Scalar(self._source, index, 1)  # likely to be accepted, so that it is reported once

    def _past_properties(self, event: yaml.ScalarEvent) -> int:
        """Where the text itself begins; the parser counts an anchor and a tag to it."""
        properties = PROPERTIES.match(self._source.text, _start(event)) if event.anchor or event.tag else None
        return properties.end() if properties else _start(event)

    def _anchored(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, node: Node) -> Node:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        index, node = _start(event), self._anchors.get(event.anchor or "")
        if node is None:
            self._report(index, "alias", f"`*{event.anchor}` has no anchor `&{event.anchor}` before it")
        elif any(node is around for around, _ in self._open):
            self._report(index, "alias", f"`*{event.anchor}` stands inside itself")
        else:
            return node
        return Scalar(self._source, index, None)

    def _begin(self, event: yaml.CollectionStartEvent, node: Sequence | Mapping) -> None:
        self._refuse_tag(event)
        if self._expects_key():
            self._stop(node.start, "key", "a key must be text", "put text that begins with `{` or `[` in quotes")
        self._open.append((node, self._key))
        self._key = None
        self._anchored(event, node)
        self._bound(node)

    def _expects_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], Mapping) and self._key is None

    def _put(self, node: Node) -> None:
        """A finished node becomes the root, an item, a key or a value of the innermost open collection."""
        around = self._open[-1][0] if self._open else None
        if around is None:
            self.root = node
        elif isinstance(around, Sequence):
            around.items.append(node)
            self._grow(around, node)
        elif self._key is None:
            self._key = self._as_key(node)
        else:
            self._enter(around, self._key, node)
            self._key = None

    def _as_key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self._stop(node.start, "key", "a key must be text")
        return Scalar(node.source, node.start, str(node.value))

    def _enter(self, around: Mapping, key: Scalar, node: Node) -> None:
        name = str(key.value)
        if name in around.entries:
            first = position(around.entries[name].key)
            self._report(key.start, "duplicate-key", f"`{name}` is given twice, first at {first}", "keep one of them")
        elif name == "<<":
            self._report(key.start, "merge-key", "merge keys are not part of YAML 1.2", "write the fields out")
        else:
            around.entries[name] = Entry(key, node)
            self._grow(around, node)

    def _grow(self, around: Sequence | Mapping, node: Node) -> None:
        around.size += node.size
        around.height = max(around.height, node.height + 1)
        self._bound(around)

    def _bound(self, node: Sequence | Mapping) -> None:
        if node.size > MOST_NODES:
            self._stop(
                node.start,
                "too-large",
                f"more than {MOST_NODES:,} values, counting those that aliases repeat",
            )
        if len(self._open) - 1 + node.height > DEEPEST:
            self._stop(node.start, "too-deep", f"nested more than {DEEPEST} levels deep")


def _is_negated(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> bool:
    return event.tag is not None and is_negation(event.tag)


def _start(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.index if mark else 0
