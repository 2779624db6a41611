"""From the front end's error text to problems a person can act on.

Promises one `Problem` for each block of the text, its column at the start of a qualified name, a human
sentence and, where one can be given, a hint. Leaves raising to `frontend`.
"""

from __future__ import annotations

import re

from rules.language.problems import Problem
from rules.language.vocabulary import Vocabulary

_BLOCK = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \| |\nERROR: |\s*\[[A-Z_]+\]$|\Z)", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_OPERAND = re.compile(r"expression of type '(.*)' cannot be the operand of a select operation")
_SYNTAX = re.compile(
    r"Syntax error: (?:mismatched|extraneous|no viable alternative at) (?:input )?'(.*?)'", re.DOTALL
)
_LONG_NAMES = {
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "null_type": "null",
}
_OPERATORS = {"@in": "in", "_[_]": "[ ]", "_?_:_": "? :", "!_": "!", "-_": "-", "_[?_]": "[? ]", "_?._": ".?"}
_DOUBLE_MIXED = {("double", "int"), ("int", "double")}
_UINT_MIXED = {("uint", "int"), ("int", "uint")}


TOO_DEEP = Problem(
    "the expression is nested more than 32 levels deep", hint="split it into several conditions"
)


def problems_in(text: str, source: str, vocabulary: Vocabulary) -> tuple[Problem, ...]:
    """Every problem that the front end's error text names, in the order of the source."""
    if ("recursion" in text and "limit" in text) or "max recursion depth" in text:
        return (TOO_DEEP,)
    lines = source.split("\n")
    blocks = _BLOCK.findall(text)
    found = {_problem(int(row), int(at), message, lines, vocabulary) for row, at, message in blocks}
    ordered = sorted(found, key=lambda problem: (problem.line, problem.column))
    return tuple(ordered) or (Problem(_one_line(text)),)


def readable_type(name: str) -> str:
    """`list(string)` and `google.protobuf.Timestamp`, as the front end writes them, in the words of the
    language."""
    for long, short in _LONG_NAMES.items():
        name = name.replace(long, short)
    return name.replace("(", "<").replace(")", ">")


def _problem(row: int, at: int, message: str, lines: list[str], vocabulary: Vocabulary) -> Problem:
    if undeclared := _UNDECLARED.search(message):
        name = undeclared[1]
        return _undeclared(name, row, _start_of(name, lines[row - 1], at), lines[row - 1], vocabulary)
    text, hint = _sentence(message)
    return Problem(text, row, at, hint)


def _start_of(name: str, line: str, column: int) -> int:
    """The front end points at a dot or a bracket inside a name; the problem is where the name begins."""
    last = name.rpartition(".")[2]
    nearby = line[: column + len(last)]
    whole = nearby.rfind(name)
    return (whole if whole >= 0 else nearby.rfind(last)) + 1 or column


def _undeclared(name: str, row: int, column: int, line: str, vocabulary: Vocabulary) -> Problem:
    called = line[column - 1 + len(name.rpartition(".")[2]) :].lstrip().startswith("(")
    if called and "." not in name:
        return Problem(f"there is no function `{name}`", row, column)
    nearest = vocabulary.nearest(name)
    hint = f"did you mean `{nearest}`?" if nearest else _namespace_hint(name, vocabulary)
    return Problem(f"`{name}` is not declared", row, column, hint)


def _namespace_hint(name: str, vocabulary: Vocabulary) -> str | None:
    inside = sorted(declared for declared in vocabulary.types if declared.startswith(f"{name}."))
    return f"name one of its fields, for example `{inside[0]}`" if inside else None


def _sentence(message: str) -> tuple[str, str | None]:
    if overload := _OVERLOAD.search(message):
        return _no_overload(overload[1], [readable_type(name) for name in _split(overload[2])])
    if operand := _OPERAND.search(message):
        return f"a value of type {readable_type(operand[1])} has no fields", None
    if syntax := _SYNTAX.search(message):
        return _syntax(syntax[1]), None
    return _one_line(message), None


def _syntax(found: str) -> str:
    return "the expression ends too early" if found == "<EOF>" else f"`{found}` is not expected here"


def _no_overload(function: str, types: list[str]) -> tuple[str, str | None]:
    operator = _OPERATORS.get(function, function.strip("_"))
    if function in ("_&&_", "_||_", "!_"):
        wrong = next((name for name in types if name != "bool"), "bool")
        return f"`{operator}` needs true or false, not {wrong}", "compare the value with something"
    if function == "_?_:_":
        return _no_ternary(types)
    pair = (types[0], types[-1]) if len(types) == 2 else ("", "")
    applied = " and ".join(types)
    return f"`{operator}` cannot be applied to {applied}", _number_hint(pair)


def _no_ternary(types: list[str]) -> tuple[str, str | None]:
    if types[0] != "bool":
        wrong = f"what stands before `?` must be true or false, not {types[0]}"
        return wrong, "compare the value with something"
    sides = (types[1], types[2])
    return f"both sides of `:` must have one type, not {types[1]} and {types[2]}", _number_hint(sides)


def _number_hint(pair: tuple[str, str]) -> str | None:
    plain = tuple(name.removeprefix("list<").removesuffix(">") for name in pair)
    if plain in _DOUBLE_MIXED:
        return "write 100.0 instead of 100"
    if plain in _UINT_MIXED:
        return "write 100u instead of 100"
    return None


def _split(types: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, sign in enumerate(types):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(types[start:at].strip())
            start = at + 1
    return [*parts, types[start:].strip()]


def _one_line(text: str) -> str:
    return " ".join(text.removeprefix("INVALID_ARGUMENT: ").split())
