"""Evaluation by Google's own evaluator: the reference for the generated code, and its stand-in.

Promises plain Python values, or an `EvaluationError` as a value. Slow (some 2.5 µs for a small condition): it
serves tests and the rare construct that is not generated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rules.language.frontend import KNOWN, Checked
from rules.language.problems import EvaluationError

if TYPE_CHECKING:
    from cel_expr_python import cel  # type: ignore[import-untyped]

_UNKNOWN = re.compile(r'No value with name "([^"]+)" found in Activation')


class Oracle:
    """A checked expression, evaluated by the front end."""

    __slots__ = ("_expression", "_reads", "_tests")

    def __init__(self, checked: Checked) -> None:
        names = {reference.name for reference in checked.message.reference_map.values()}
        self._expression = checked.expression
        self._tests = [name for name in names if name.startswith(KNOWN)]
        self._reads = [name for name in names if name not in self._tests]

    def run(self, facts: Mapping[str, object]) -> object:
        """The value for these facts, or the EvaluationError that stands in its place."""
        data = {name: facts[name] for name in self._reads if name in facts}
        data |= {name: name.removeprefix(KNOWN) in facts for name in self._tests}
        result = self._expression.eval(data=data)
        return plain(result)


def plain(value: cel.Value) -> object:
    """The front end's value as plain Python."""
    if value.type().name() == "ERROR":
        return EvaluationError(_sentence(str(value.value())))
    return _bare(value.plain_value())


def _bare(value: object) -> object:
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items()}
    return value


def _sentence(text: str) -> str:
    if unknown := _UNKNOWN.search(text):
        return f"{unknown[1]} is not known"
    return text.partition(": ")[2] or text
