"""Trying expressions: one on given facts, or a file of cases in the form of the CEL conformance suite.

Promises data that the command line prints. A case is one line of JSON: `expr`, optional `bindings`, and the
expected `value` or `"error": true`; `unchecked` asks for no type check. Values carry their type:
`{"type": "uint", "value": 1}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rules.language.condition import Expression, compile_expression
from rules.language.explain import explain
from rules.language.frontend import parse_only
from rules.language.problems import ConditionError, EvaluationError
from rules.language.runtime.formatting import string
from rules.language.runtime.times import duration_of, timestamp_of
from rules.language.runtime.values import TYPES, Optional, TypeName, UInt
from rules.language.vocabulary import Vocabulary

_READERS: dict[str, Callable[[Any], Any]] = {
    "uint": UInt,
    "double": float,
    "bytes": bytes.fromhex,
    "timestamp": timestamp_of,
    "duration": duration_of,
    "type": TypeName,
}
_DECLARED = frozenset((*_READERS, "bool", "int", "string", "null")) - {"type"}
_FAULTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, SyntaxError)
"""What a mistake of ours would raise: one case is lost by it, not the whole run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an expression gives for some facts; `why` explains a verdict."""

    value: object
    type: str
    why: str | None
    generated: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: what was expected, what came, and whether generated code answered."""

    name: str
    source: str
    expected: str
    found: str
    passed: bool
    generated: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.source}\n  expected {self.expected}, got {self.found}"


@dataclass(frozen=True, slots=True)
class Report:
    """A file of cases, run."""

    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if not outcome.passed)

    @property
    def share_generated(self) -> float:
        """The share of the passing cases that generated code answered; 1.0 of none."""
        passing = [outcome.generated for outcome in self.outcomes if outcome.passed]
        return sum(passing) / len(passing) if passing else 1.0

    def lines(self) -> list[str]:
        """The failures, the share generated, and last `N passed, N failed`."""
        failed = len(self.failures)
        share = f"generated: {self.share_generated:.1%} of the passing cases"
        return [*map(str, self.failures), share, f"{len(self.outcomes) - failed} passed, {failed} failed"]


def try_expression(source: str, vocabulary: Vocabulary, facts: Mapping[str, object]) -> Trial:
    """Compile and evaluate one expression; raises ConditionError if it is refused."""
    expression = compile_expression(source, vocabulary)
    value = expression.value(facts)
    why = explain(expression, facts).sentence if expression.result_type == "bool" else None
    return Trial(value, expression.result_type, why, expression.generated)


def run_case_file(path: Path) -> Report:
    """Run the cases of a file."""
    with path.open(encoding="utf-8") as lines:  # not splitlines(): a text in a case may hold other line breaks
        return run_cases(lines)


def run_cases(lines: Iterable[str]) -> Report:
    """Run cases, each a line of JSON."""
    return Report(tuple(run_case(json.loads(line)) for line in lines if line.strip()))


def run_case(case: Mapping[str, Any]) -> Outcome:
    """Run one case; an expression that is refused counts as an error."""
    name = "/".join(str(case[part]) for part in ("file", "section", "name") if part in case)
    expected = "an error" if case.get("error") else json.dumps(case["value"], ensure_ascii=False)
    try:
        found, generated = _evaluated(case)
    except _FAULTS as fault:
        return Outcome(name, case["expr"], expected, f"a fault of ours: {fault!r}", False, True)
    if isinstance(found, EvaluationError):
        return Outcome(name, case["expr"], expected, f"the error: {found}", bool(case.get("error")), generated)
    passed = not case.get("error") and _same(found, case["value"])
    return Outcome(name, case["expr"], expected, json.dumps(typed(found)), passed, generated)


def _evaluated(case: Mapping[str, Any]) -> tuple[object | EvaluationError, bool]:
    """What the case's expression gives, and whether generated code gave it."""
    bindings = case.get("bindings", {})
    facts = {name: python_value(bound) for name, bound in bindings.items()}
    vocabulary = Vocabulary({name: _declared(bound["type"]) for name, bound in bindings.items()})
    try:
        if case.get("unchecked"):
            expression = Expression(parse_only(case["expr"], vocabulary), vocabulary)
        else:
            expression = compile_expression(case["expr"], vocabulary)
    except ConditionError as refused:
        return EvaluationError(str(refused)), True
    return expression.value(facts), expression.generated


def _declared(kind: str) -> str:
    return kind if kind in _DECLARED else "dyn"


def python_value(written: Mapping[str, Any]) -> Any:
    """A typed value of a case as the value that facts hold."""
    kind, value = written["type"], written["value"]
    if kind == "list":
        return [python_value(item) for item in value]
    if kind == "map":
        return {python_value(key): python_value(item) for key, item in value}
    return _READERS[kind](value) if kind in _READERS else value


def typed(value: object) -> dict[str, Any]:
    """A value in the form that cases are written in."""
    kind = TYPES[type(value)].name if value is not None else "null"
    return {"type": kind, "value": _written(value)}


def _written(value: object) -> Any:
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return [[typed(key), typed(item)] for key, item in value.items()]
    if isinstance(value, Optional):
        return typed(value.value) if value.present else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, TypeName):
        return value.name
    return value if value is None or isinstance(value, (bool, int, str)) else string(value)


def _same(value: object, wanted: Mapping[str, Any]) -> bool:
    """Whether the value is the one wanted, of the same type; the order of a map's entries means nothing."""
    if typed(value)["type"] != wanted["type"]:
        return False
    if isinstance(value, float):
        return repr(value) == repr(float(wanted["value"]))
    if isinstance(value, list):
        pairs = zip(value, wanted["value"], strict=False)
        return len(value) == len(wanted["value"]) and all(_same(item, each) for item, each in pairs)
    if isinstance(value, dict):
        entries = [(python_value(key), each) for key, each in wanted["value"]]
        found = all(key in value and _same(value[key], each) for key, each in entries)
        return found and len(entries) == len(value)
    return bool(_written(value) == wanted["value"])
