"""From the front end's error text to problems a person can act on.

Promises one `Problem` for each block of the text, its column at the start of a qualified name, a human
sentence and, where one can be given, a hint. Leaves raising to `frontend`.
"""

from __future__ import annotations

import re

from rules.language import hints
from rules.language.problems import Problem
from rules.language.vocabulary import Vocabulary

_BLOCK = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \| |\nERROR: |\s*\[[A-Z_]+\]$|\Z)", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_OPERAND = re.compile(r"expression of type '(.*)' cannot be the operand of a select operation")
_SYNTAX = re.compile(r"Syntax error: (?:mismatched|extraneous|no viable alternative at) (?:input )?'(.*?)'", re.DOTALL)
_LONG_NAMES = {
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
    "null_type": "null",
}
_OPERATORS = {"@in": "in", "_[_]": "[ ]", "_?_:_": "? :", "!_": "!", "-_": "-", "_[?_]": "[? ]", "_?._": ".?"}
_COMPARE = "compare the value with something"


TOO_DEEP = Problem("the expression is nested more than 32 levels deep", hint="split it into several conditions")


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
    """`list(string)`, `google.protobuf.Timestamp`: the front end's names in the words of the language."""
    for long, short in _LONG_NAMES.items():
        name = name.replace(long, short)
    return name.replace("(", "<").replace(")", ">")


def _problem(row: int, at: int, message: str, lines: list[str], vocabulary: Vocabulary) -> Problem:
    if undeclared := _UNDECLARED.search(message):
        name = undeclared[1]
        return _undeclared(name, row, _start_of(name, lines[row - 1], at), lines[row - 1], vocabulary)
    text, hint = _sentence(message, lines[row - 1], at)
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
        return Problem(f"there is no function `{name}`", row, column, hints.for_function(name))
    return Problem(f"`{name}` is not declared", row, column, hints.for_name(name, vocabulary))


def _sentence(message: str, line: str, column: int) -> tuple[str, str | None]:
    if overload := _OVERLOAD.search(message):
        return _no_overload(overload[1], [readable_type(name) for name in _split(overload[2])], line, column)
    if operand := _OPERAND.search(message):
        return f"a value of type {readable_type(operand[1])} has no fields", None
    if syntax := _SYNTAX.search(message):
        return _syntax(syntax[1]), None
    return _one_line(message), None


def _syntax(found: str) -> str:
    return "the expression ends too early" if found == "<EOF>" else f"`{found}` is not expected here"


def _no_overload(function: str, types: list[str], line: str, column: int) -> tuple[str, str | None]:
    operator = _OPERATORS.get(function, function.strip("_"))
    if function in ("_&&_", "_||_", "!_"):
        wrong = next((name for name in types if name != "bool"), "bool")
        return f"`{operator}` needs true or false, not {wrong}", _COMPARE
    if function == "_?_:_":
        return _no_ternary(types)
    hint = hints.for_operands(types, line, column) if len(types) == 2 else None
    return f"`{operator}` cannot be applied to {' and '.join(types)}", hint


def _no_ternary(types: list[str]) -> tuple[str, str | None]:
    if types[0] != "bool":
        return f"what stands before `?` must be true or false, not {types[0]}", _COMPARE
    return f"both sides of `:` must have one type, not {types[1]} and {types[2]}", None


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
