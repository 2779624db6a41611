"""What to do about a problem, in a few words."""

from __future__ import annotations

import difflib
import re

from rules.language.functions import RUNTIME
from rules.language.vocabulary import Vocabulary

_MACROS = (
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "filter",
    "map",
    "has",
    "transformList",
    "transformMap",
)
_FUNCTIONS = [*(name for name in RUNTIME if name.isidentifier()), *_MACROS]
_NUMBER_BEFORE = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)\s*$")
_NUMBER_AFTER = re.compile(r"(?:[<>=!+\-*/%]+|in)\s*\[?\s*(-?\d+(?:\.\d+)?)(?![\w.])")
_SUFFIXES = {"double": ".0", "uint": "u"}


def for_name(name: str, vocabulary: Vocabulary) -> str | None:
    """For a name that is not declared: the nearest one, or what the name is a prefix of."""
    if inside := sorted(declared for declared in vocabulary.types if declared.startswith(f"{name}.")):
        return f"name one of its fields, for example `{inside[0]}`"
    nearest = vocabulary.nearest(name)
    return f"did you mean `{nearest}`?" if nearest else None


def for_function(name: str) -> str | None:
    """For a function that does not exist: the nearest one."""
    close = difflib.get_close_matches(name, _FUNCTIONS, n=1)
    return f"did you mean `{close[0]}`?" if close else None


def for_operands(types: list[str], line: str, column: int) -> str | None:
    """For an operator between an int and another number: how to write the number that is a literal."""
    left, right = (name.removeprefix("list<").removesuffix(">") for name in types)
    other = right if left == "int" else left
    if "int" not in (left, right) or other not in _SUFFIXES:
        return None
    before, after = _NUMBER_BEFORE.search(line[: column - 1]), _NUMBER_AFTER.match(line[column - 1 :])
    whole = before if left == "int" else after
    if whole and "." not in whole[1]:
        return f"write {whole[1]}{_SUFFIXES[other]} instead of {whole[1]}"
    decimal = after if left == "int" else before
    if decimal and decimal[1].endswith(".0"):
        return f"write {decimal[1][:-2]} instead of {decimal[1]}"
    return f"convert the int with {other}(…)"
