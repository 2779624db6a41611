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
from typing import Any, NoReturn

from rules.language.condition import Expression, compile_expression, expression_of
from rules.language.explain import explain
from rules.language.frontend import parse_only
from rules.language.problems import ConditionError, EvaluationError
from rules.language.runtime.formatting import string
from rules.language.runtime.times import duration_of, timestamp_of
from rules.language.runtime.values import TYPES, Failure, Optional, TypeName, UInt
from rules.language.vocabulary import Vocabulary

_READERS: dict[str, tuple[tuple[type, ...], Callable[[Any], Any]]] = {
    "bool": ((bool,), bool),
    "int": ((int,), int),
    "uint": ((int,), UInt),
    "double": ((float, int, str), float),
    "string": ((str,), str),
    "bytes": ((str,), bytes.fromhex),
    "timestamp": ((str,), timestamp_of),
    "google.protobuf.Timestamp": ((str,), timestamp_of),
    "duration": ((str,), duration_of),
    "google.protobuf.Duration": ((str,), duration_of),
    "type": ((str,), TypeName),
    "null": ((type(None),), lambda value: value),
    "optional_type": ((dict, type(None)), lambda value: Optional([] if value is None else [python_value(value)])),
}
"""For each type, what JSON writes its values as, and how they are read."""
_DECLARED = frozenset(("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "null"))
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
    """One case: what was expected, what came, and whether generated code answered (None: refused, not evaluated)."""

    name: str
    source: str
    expected: str
    found: str
    passed: bool
    generated: bool | None

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
        """The share of the passing and evaluated cases that generated code answered; 1.0 of none."""
        evaluated = [each.generated for each in self.outcomes if each.passed and each.generated is not None]
        return sum(evaluated) / len(evaluated) if evaluated else 1.0

    def lines(self) -> list[str]:
        """The failures, the share generated, and last `N passed, N failed`."""
        failed = len(self.failures)
        share = f"generated: {self.share_generated:.1%} of the passing cases that were evaluated"
        return [*map(str, self.failures), share, f"{len(self.outcomes) - failed} passed, {failed} failed"]


def try_expression(source: str, vocabulary: Vocabulary, facts: Mapping[str, object]) -> Trial:
    """Compile and evaluate one expression; raises ConditionError if it is refused."""
    expression = compile_expression(source, vocabulary)
    value = expression.value(facts)
    why = explain(expression, facts).sentence if expression.result_type == "bool" else None
    return Trial(value, expression.result_type, why, expression.generated)


def run_case_file(path: Path) -> Report:
    """Run the cases of a file. Raises ValueError, which names the line, if one is malformed."""
    with path.open(encoding="utf-8") as lines:  # not splitlines(): a text in a case may hold other line breaks
        return run_cases(lines)


def run_cases(lines: Iterable[str]) -> Report:
    """Run cases, each a line of JSON. Raises ValueError, which names the line, if one is malformed."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    return Report(tuple(_run(_case(number, line)) for number, line in numbered))


@dataclass(frozen=True, slots=True)
class _Case:
    """A well-formed line; `value` is None where an error is expected."""

    name: str
    source: str
    unchecked: bool
    types: Mapping[str, str]
    facts: Mapping[str, Any]
    value: Mapping[str, Any] | None

    @classmethod
    def of(cls, case: Any) -> _Case:
        if not isinstance(case, dict) or not isinstance(case.get("expr"), str):
            _malformed('a case is an object with a text as "expr"')
        if not case.get("error") and "value" not in case:
            _malformed('a case has a "value", or "error": true')
        bindings = case.get("bindings", {})
        if not isinstance(bindings, dict):
            _malformed('"bindings" are an object of typed values')
        facts = {name: python_value(bound) for name, bound in bindings.items()}
        types = {name: _declared(bound["type"]) for name, bound in bindings.items()}
        value = None if case.get("error") else case["value"]
        if not case.get("error"):
            python_value(value)
        name = "/".join(str(case[part]) for part in ("file", "section", "name") if part in case)
        return cls(name, case["expr"], bool(case.get("unchecked")), types, facts, value)


def _malformed(what: str) -> NoReturn:
    raise ValueError(what)


def _case(number: int, line: str) -> _Case:
    try:
        return _Case.of(json.loads(line))
    except json.JSONDecodeError as cause:
        raise ValueError(f"line {number} is not JSON: {cause.msg} at column {cause.colno}") from cause
    except (ValueError, RecursionError) as cause:
        raise ValueError(f"line {number}: {cause}") from cause


def _run(case: _Case) -> Outcome:
    """Run one case; an expression that is refused counts as an error."""
    expected = "an error" if case.value is None else json.dumps(case.value, ensure_ascii=False)
    try:
        found, generated = _evaluated(case)
    except _FAULTS as fault:
        return Outcome(case.name, case.source, expected, f"a fault of ours: {fault!r}", False, None)
    if isinstance(found, EvaluationError):
        return Outcome(case.name, case.source, expected, f"the error: {found}", case.value is None, generated)
    passed = case.value is not None and _same(found, case.value)
    return Outcome(case.name, case.source, expected, json.dumps(typed(found)), passed, generated)


def _evaluated(case: _Case) -> tuple[object | EvaluationError, bool | None]:
    """What the case's expression gives, and whether generated code gave it; None if it is refused."""
    vocabulary = Vocabulary(case.types)
    try:
        if case.unchecked:
            expression = expression_of(parse_only(case.source, vocabulary), vocabulary, Expression)
        else:
            expression = compile_expression(case.source, vocabulary)
    except ConditionError as refused:
        return EvaluationError(str(refused)), None
    return expression.value(case.facts), expression.generated


def _declared(kind: str) -> str:
    return kind if kind in _DECLARED else "dyn"


def python_value(written: Any) -> Any:
    """A typed value of a case as the value that facts hold. Raises ValueError."""
    if not isinstance(written, dict) or not {"type", "value"} <= written.keys():
        _malformed(f'{_shown(written)} is no typed value such as {{"type": "int", "value": 1}}')
    kind, value = written["type"], written["value"]
    if kind == "list" and isinstance(value, list):
        return [python_value(item) for item in value]
    if kind == "map" and isinstance(value, list) and all(isinstance(each, list) and len(each) == 2 for each in value):
        return _map_of([(python_value(key), python_value(item)) for key, item in value])
    if not isinstance(kind, str) or kind not in (*_READERS, "list", "map"):
        _malformed(f"there is no type {_shown(kind)}")
    classes, read = _READERS.get(kind, ((), None))
    if read is None or type(value) not in classes:
        _malformed(f"{_shown(value)} is no value of type {kind}")
    try:
        return read(value)
    except (ValueError, OverflowError, Failure) as cause:
        raise ValueError(f"{_shown(value)} is no value of type {kind}: {cause}") from cause


def _map_of(entries: list[tuple[Any, Any]]) -> dict[Any, Any]:
    if any(type(key) not in (bool, int, UInt, str) for key, _ in entries):
        _malformed("the keys of a map are bool, int, uint or string")
    return dict(entries)


def _shown(written: Any) -> str:
    text = json.dumps(written, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


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
