"""YAML into a tree with positions, whatever the text holds.

Promises that nothing raises: what is not one YAML document becomes a finding. Leaves the tree to `builder`.
"""

import re
from dataclasses import dataclass

import yaml

from rules.policy.builder import Builder, Stopped
from rules.policy.findings import Finding
from rules.policy.nodes import Node
from rules.policy.quoting import HINT, misread_at, word_at
from rules.policy.source import Source

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """What one file holds; `whole` is false if reading had to stop before its end: then there is no root."""

    root: Node | None
    findings: tuple[Finding, ...]
    whole: bool = True


def read(source: Source) -> Document:
    if unprintable := UNPRINTABLE.search(source.text):
        return Document(None, (_unprintable(source, unprintable),), whole=False)
    builder = Builder(source)
    try:
        for event in yaml.parse(source.text, Loader=LOADER):
            builder.take(event)
    except Stopped:
        return Document(None, tuple(builder.findings), whole=False)
    except yaml.YAMLError as error:
        return Document(None, (*builder.findings, _syntax(source, error)), whole=False)
    return Document(builder.root, tuple(builder.findings))


def _unprintable(source: Source, found: re.Match[str]) -> Finding:
    code, where = ord(found[0]), source.position(found.start())
    if 0xDC80 <= code <= 0xDCFF:  # how undecodable bytes arrive, see load.read_folder
        return Finding(
            "error",
            where,
            f"the byte 0x{code - 0xDC00:02x} is not UTF-8 text",
            "save it as UTF-8",
            "encoding",
        )
    return Finding("error", where, f"the character U+{code:04X} cannot stand in YAML", "remove it", "encoding")


def _syntax(source: Source, error: yaml.YAMLError) -> Finding:
    marked = error if isinstance(error, yaml.MarkedYAMLError) else None
    mark = marked and (marked.problem_mark or marked.context_mark)
    said = (marked.context, marked.problem) if marked else (" ".join(str(error).split()),)
    sentence = ", ".join(part for part in said if part)
    index, hint = mark.index if mark else 0, _syntax_hint(sentence)
    if (misread := misread_at(source.text, index)) is not None:
        index, sentence, hint = (
            misread,
            f"without quotes, a condition cannot have `{word_at(source.text, misread)}` here",
            HINT,
        )
    return Finding("error", source.position(index), f"this is not YAML: {sentence}", hint, "yaml-syntax")


def _syntax_hint(sentence: str) -> str | None:
    if "tab" in sentence or "cannot start any token" in sentence:
        return "indent with spaces; put text that begins with a special character in quotes"
    if "mapping values are not allowed" in sentence:
        return "put text with `: ` in quotes, and check the indentation"
    return None
