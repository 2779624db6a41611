"""Trying expressions: one on given facts, or a file of cases in the form of the CEL conformance suite.

Promises data that the command line prints; reads no file and no standard input itself. A case is one line of
JSON: `expr`, optional `bindings`, and the expected `value` or `"error": true`; `unchecked` asks for no type
check. Values carry their type: `{"type": "uint", "value": 1}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rules.language.condition import Expression, compile_expression
from rules.language.explain import explain
from rules.language.frontend import parse_only
from rules.language.problems import ConditionError, EvaluationError
from rules.language.runtime.formatting import string
from rules.language.runtime.values import TYPES, Optional, TypeName, UInt
from rules.language.vocabulary import Vocabulary


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
    condition = expression.result_type == "bool"
    why = explain(expression, facts).sentence if condition else None
    return Trial(value, expression.result_type, why, expression.generated)


def run_cases(lines: Iterable[str]) -> Report:
    """Run a file of cases, given as its lines."""
    return Report(tuple(run_case(json.loads(line)) for line in lines if line.strip()))


def run_case(case: Mapping[str, Any]) -> Outcome:
    """Run one case; an expression that is refused counts as an error."""
    bindings = case.get("bindings", {})
    facts = {name: python_value(bound) for name, bound in bindings.items()}
    vocabulary = Vocabulary({name: _declared(bound) for name, bound in bindings.items()})
    found, generated = _found(case, vocabulary, facts)
    expected = "an error" if case.get("error") else json.dumps(_sorted(case["value"]), ensure_ascii=False)
    shown = f"the error: {found}" if isinstance(found, EvaluationError) else json.dumps(_sorted(typed(found)))
    passed = isinstance(found, EvaluationError) if case.get("error") else _same(found, case["value"])
    name = "/".join(str(case[part]) for part in ("file", "section", "name") if part in case)
    return Outcome(name, str(case["expr"]), expected, shown, passed, generated)


def _found(
    case: Mapping[str, Any], vocabulary: Vocabulary, facts: Mapping[str, object]
) -> tuple[object | EvaluationError, bool]:
    try:
        if case.get("unchecked"):
            expression = Expression(parse_only(case["expr"], vocabulary), vocabulary)
        else:
            expression = compile_expression(case["expr"], vocabulary)
    except ConditionError as refused:
        return EvaluationError(str(refused)), True
    return expression.value(facts), expression.generated


def _declared(bound: Mapping[str, Any]) -> str:
    return {"list": "dyn", "map": "dyn", "type": "dyn"}.get(bound["type"], str(bound["type"]))


def python_value(written: Mapping[str, Any]) -> Any:
    """A typed value of a case as the value that facts hold."""
    kind, value = written["type"], written["value"]
    if kind == "list":
        return [python_value(item) for item in value]
    if kind == "map":
        return {python_value(key): python_value(item) for key, item in value}
    readers: dict[str, Callable[[Any], Any]] = {
        "uint": UInt,
        "double": float,
        "bytes": bytes.fromhex,
        "type": TypeName,
    }
    return readers[kind](value) if kind in readers else value


def typed(value: object) -> dict[str, Any]:
    """A value in the form that cases are written in."""
    kind = "null" if value is None else TYPES[type(value)].name
    if isinstance(value, list):
        return {"type": kind, "value": [typed(item) for item in value]}
    if isinstance(value, dict):
        return {"type": kind, "value": [[typed(key), typed(item)] for key, item in value.items()]}
    if isinstance(value, Optional):
        return {"type": kind, "value": typed(value.value) if value.present else None}
    if isinstance(value, bytes):
        return {"type": kind, "value": value.hex()}
    if value is None or isinstance(value, (bool, int, str)):
        return {"type": kind, "value": value}
    return {"type": kind, "value": repr(value) if isinstance(value, float) else _text(value)}


def _text(value: object) -> str:
    return value.name if isinstance(value, TypeName) else string(value)


def _same(value: object, written: Mapping[str, Any]) -> bool:
    found = typed(value)
    if found["type"] == written["type"] == "double":
        number, wanted = float(found["value"]), float(written["value"])
        return repr(number) == repr(wanted)
    if found["type"] == written["type"] == "list" and isinstance(value, list):
        pairs = zip(value, written["value"], strict=False)
        return len(value) == len(written["value"]) and all(_same(item, wanted) for item, wanted in pairs)
    if found["type"] == written["type"] == "map" and isinstance(value, dict):
        entries = [(python_value(key), wanted) for key, wanted in written["value"]]
        return len(entries) == len(value) and all(
            key in value and _same(value[key], wanted) for key, wanted in entries
        )
    return found == {"type": written["type"], "value": written["value"]}


def _sorted(written: Mapping[str, Any]) -> Mapping[str, Any]:
    if written["type"] != "map":
        return written
    return {"type": "map", "value": sorted(written["value"], key=lambda entry: str(entry[0]))}
