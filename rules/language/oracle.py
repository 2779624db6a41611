"""Evaluation by Google's own evaluator: the reference for the generated code, and its stand-in.

Promises plain Python values, or an `EvaluationError` as a value. Slow (some 2.5 µs for a small condition): it
serves tests and the rare construct that is not generated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rules.language.frontend import KNOWN, Checked, check
from rules.language.problems import EvaluationError
from rules.language.runtime.values import TypeName, UInt
from rules.language.vocabulary import Vocabulary

if TYPE_CHECKING:
    from cel_expr_python import cel  # type: ignore[import-untyped]

_LONG_NAMES = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
_UNKNOWN = re.compile(r'No value with name "([^"]+)" found in Activation')


class Oracle:
    """A checked expression, evaluated by the front end."""

    __slots__ = ("_checked", "_expression", "_reads", "_tests")

    def __init__(self, checked: Checked) -> None:
        names = _names(checked)
        self._checked = checked
        self._expression = checked.expression
        self._tests = [name for name in names if name.startswith(KNOWN)]
        self._reads = [name for name in names if name not in self._tests]

    def __reduce__(self) -> tuple[Any, ...]:
        """What the front end has made cannot leave its process."""
        return _again, (self._checked.source, self._checked.vocabulary)

    def run(self, facts: Mapping[str, object]) -> object:
        """The value for these facts, or the EvaluationError that stands in its place."""
        data = {name: facts[name] for name in self._reads if name in facts}
        data |= {name: name.removeprefix(KNOWN) in facts for name in self._tests}
        try:
            return plain(self._expression.eval(data=data))
        except RuntimeError as refused:  # some errors come this way instead of as a value
            return EvaluationError(_sentence(str(refused).partition(" [")[0]))

    carefully = run

    def quick(self) -> Callable[[Mapping[str, object]], object]:
        return self.run


def _again(source: str, vocabulary: Vocabulary) -> Oracle:
    return Oracle(check(source, vocabulary))


def _names(checked: Checked) -> set[str]:
    if checked.message.DESCRIPTOR.name == "ParsedExpr":
        return set(checked.vocabulary.types)
    return {reference.name.removeprefix(".") for reference in checked.message.reference_map.values()}


def plain(value: cel.Value) -> object:
    """The front end's value as plain Python."""
    if value.type().name() == "ERROR":
        return EvaluationError(_sentence(str(value.value())))
    return _typed(value)


def _typed(value: cel.Value) -> object:
    """As the generated code would give it: a uint is a `UInt`, a type a `TypeName`."""
    kind, bare = value.type().name(), value.value()
    if kind == "UINT":
        return UInt(bare)
    if kind == "BYTES":
        return bytes(bare)
    if isinstance(bare, list):
        return [_typed(item) for item in bare]
    if isinstance(bare, dict):
        return {key: _typed(item) for key, item in bare.items()}
    return _type_named(str(bare)) if kind.startswith("TYPE") else bare


def _type_named(shown: str) -> TypeName:
    bare = shown.partition("<")[0].lower()
    return TypeName(_LONG_NAMES.get(bare, bare))


def _sentence(text: str) -> str:
    if unknown := _UNKNOWN.search(text):
        return f"{unknown[1]} is not known"
    return text.partition(": ")[2] or text
