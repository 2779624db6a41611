"""The one door to Google's CEL front end (`cel_expr_python`): text in, checked expression out.

Promises that a text is parsed and type-checked against a vocabulary, or refused with every problem at once.
Gives `has(customer.age)` on a declared name the meaning "is it known", which the front end has no notion of.
Leaves evaluation to `oracle` and to the generated code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from rules.language.findings import TOO_DEEP, problems_in
from rules.language.limits import check_length
from rules.language.problems import ConditionError
from rules.language.vocabulary import Vocabulary
from rules.language.wire import read_any

if TYPE_CHECKING:
    from cel_expr_python import cel  # type: ignore[import-untyped]

KNOWN = "_has."
"""A declared name after this prefix is the Boolean "is that name known": what `has(name)` is turned into."""

_EXTENSIONS = ("bindings", "encoders", "math", "optional", "strings", "two-var-comprehensions")
_HAS = re.compile(r"has\s*\(\s*([A-Za-z_][\w.\s]*?)\s*\)")


@dataclass(frozen=True, slots=True)
class Checked:
    """An accepted expression: the front end's own form of it and the tree it serializes to."""

    source: str
    vocabulary: Vocabulary
    expression: cel.Expression
    message: Any


def check(source: str, vocabulary: Vocabulary) -> Checked:
    """Parse and type-check; raises ConditionError with every problem."""
    check_length(source)
    return _compiled(source, _with_known_names(source, vocabulary), vocabulary, unchecked=False)


def parse_only(source: str, vocabulary: Vocabulary) -> Checked:
    """Parse without type check, for the conformance cases that ask for it."""
    return _compiled(source, source, vocabulary, unchecked=True)


def _compiled(source: str, text: str, vocabulary: Vocabulary, *, unchecked: bool) -> Checked:
    try:
        expression = _environment(vocabulary).compile(text, disable_check=unchecked)
        message = read_any(expression.serialize())
    except RuntimeError as refused:
        raise ConditionError(problems_in(str(refused), source, vocabulary)) from None
    except DecodeError:
        raise ConditionError((TOO_DEEP,)) from None
    return Checked(source, vocabulary, expression, message)


@lru_cache(maxsize=64)
def _environment(vocabulary: Vocabulary) -> cel.Env:
    from cel_expr_python import cel  # heavy: not at import time

    types = {name: cel.Type(declared) for name, declared in vocabulary.types.items()}
    known = {KNOWN + name: cel.Type.BOOL for name in types}
    return cel.NewEnv(config=_extensions(), variables=known | types)


@cache
def _extensions() -> cel.EnvConfig:
    from cel_expr_python import cel

    # asked for by name: the only way to the two-variable macros, which have no Python class of their own
    return cel.NewEnvConfigFromYaml("extensions:\n" + "".join(f"  - name: {name}\n" for name in _EXTENSIONS))


def _with_known_names(source: str, vocabulary: Vocabulary) -> str:
    """The source with `has(declared.name)` as `_has.declared.name`, every position kept.

    The checker would resolve it to the variable itself. The parsed tree says where a `has()` on a name
    stands, so that neither a string nor a local variable of a macro is mistaken for one.
    """
    if "has" not in source:
        return source
    try:
        parsed = read_any(_environment(vocabulary).compile(source, disable_check=True).serialize())
    except (RuntimeError, DecodeError):
        return source  # the checker will say what is wrong
    offsets = [parsed.source_info.positions[node] for node in _tests_of_names(parsed.expr, vocabulary, frozenset())]
    for offset in sorted(offsets, reverse=True):
        source = _replaced(source, offset)
    return source


def _replaced(source: str, offset: int) -> str:
    start = source.rindex("has", 0, offset + 1)
    call = _HAS.match(source, start)
    if call is None:
        return source
    name = KNOWN + "".join(call[1].split())
    newlines = call[0].count("\n")
    return source[:start] + name.ljust(len(call[0]) - newlines) + "\n" * newlines + source[call.end() :]


def _tests_of_names(expr: Any, vocabulary: Vocabulary, bound: frozenset[str]) -> list[int]:
    kind = expr.WhichOneof("kind")
    if kind == "select_expr" and expr.select_expr.test_only:
        name = _qualified(expr.select_expr)
        if name and name in vocabulary.types and name.partition(".")[0] not in bound:
            return [expr.id]
    if kind == "comprehension_expr":
        return _in_comprehension(expr.comprehension_expr, vocabulary, bound)
    return [found for child in _children(expr, kind) for found in _tests_of_names(child, vocabulary, bound)]


def _in_comprehension(fold: Any, vocabulary: Vocabulary, bound: frozenset[str]) -> list[int]:
    inner = bound | {fold.iter_var, fold.iter_var2, fold.accu_var}
    outside = [_tests_of_names(child, vocabulary, bound) for child in (fold.iter_range, fold.accu_init)]
    steps = (fold.loop_condition, fold.loop_step, fold.result)
    inside = [_tests_of_names(child, vocabulary, inner) for child in steps]
    return [found for part in outside + inside for found in part]


def _qualified(select: Any) -> str | None:
    operand = select.operand
    if operand.WhichOneof("kind") == "ident_expr":
        return f"{operand.ident_expr.name}.{select.field}"
    if operand.WhichOneof("kind") == "select_expr" and not operand.select_expr.test_only:
        prefix = _qualified(operand.select_expr)
        return prefix and f"{prefix}.{select.field}"
    return None


def _children(expr: Any, kind: str | None) -> list[Any]:
    if kind == "select_expr":
        return [expr.select_expr.operand]
    if kind == "call_expr":
        target = [expr.call_expr.target] if expr.call_expr.HasField("target") else []
        return [*target, *expr.call_expr.args]
    if kind == "list_expr":
        return list(expr.list_expr.elements)
    if kind == "struct_expr":
        return [part for entry in expr.struct_expr.entries for part in (entry.map_key, entry.value)]
    return []
