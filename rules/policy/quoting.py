"""Conditions that YAML reads as something else because they are not in quotes.

Promises the character at which YAML went another way, for what looks like a condition: a `!` at the beginning, text
that goes on behind a closing quote, `: `, ` #`, a bracket or a comma.
"""

import re

from rules.policy.alignment import LINE_END, index_in_text
from rules.policy.nodes import Scalar

HINT = "put the condition in quotes"
VALUE = re.compile(r"[\w.-]+:[ \t]+(?=\S)")
CONDITION = re.compile(r"[=!]=|[<>]|&&|\|\||\bin\b|\bhas\(|!\w*[.(]|\b(customer|event|session|context|offer)\.")
WORD = re.compile(r"\w+|[=<>&|!]+|.")
CUT_OFF = re.compile(r"[ \t]+#|,")


def misread_at(text: str, index: int) -> int | None:
    """Where an unquoted condition goes wrong, if that is what the parser stumbled over at this place."""
    begin = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    starts = [found.end() for found in VALUE.finditer(text, begin, _line_end(text, begin)) if found.end() <= index]
    start = starts[-1] if starts else None
    if start is None or not CONDITION.search(text, start, _line_end(text, start)):
        return None
    if text[start] == "!":
        return start
    return index if index > start else None


def word_at(text: str, index: int) -> str:
    """The word or sign at this place."""
    found = WORD.match(text, index)
    return found[0] if found else ""


def is_negation(tag: str) -> bool:
    """Whether what YAML takes for a tag is the beginning of a condition: `!has(customer.age)`."""
    return not tag.startswith("!!") and bool(CONDITION.match(tag))


def cut_off_at(node: Scalar) -> int | None:
    """Where YAML ended an unquoted text, although it goes on in the same line."""
    if node.style != "plain" or not isinstance(node.value, str):
        return None
    text = node.source.text
    end = index_in_text(text, node.start, node.style, node.value, len(node.value))
    found = CUT_OFF.match(text, end)
    return found.end() - 1 if found else None


def _line_end(text: str, start: int) -> int:
    found = LINE_END.search(text, start)
    return found.start() if found else len(text)
