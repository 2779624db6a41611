"""Generated code against Google's evaluator: the same value, or an error from both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from rules.language import (
    ConditionError,
    EvaluationError,
    Matcher,
    Vocabulary,
    compile_condition,
    compile_expression,
)
from rules.language.frontend import check
from rules.language.oracle import Oracle
from tests.rules.language.expressions import VOCABULARY, expressions, facts, typed_repr

T = TypeVar("T")
KINDS = ["bool", "int", "uint", "double", "string", "duration", "timestamp", "list<int>", "dyn"]
RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def same(found: object, wanted: object) -> bool:
    if isinstance(found, EvaluationError) or isinstance(wanted, EvaluationError):
        return isinstance(found, EvaluationError) and isinstance(wanted, EvaluationError)
    # the oracle's Python values end at microseconds
    if isinstance(found, datetime) and isinstance(wanted, datetime):
        return abs(found - wanted) < timedelta(microseconds=2)
    if isinstance(found, timedelta) and isinstance(wanted, timedelta):
        return abs(found - wanted) < timedelta(microseconds=2)
    return typed_repr(found) == typed_repr(wanted)


def accepted(compile_: Callable[[str, Vocabulary], T], source: str) -> T:
    """Compiled; a random expression of too costly macros is no example."""
    try:
        return compile_(source, VOCABULARY)
    except ConditionError:
        reject()


@RELAXED
@given(st.sampled_from(KINDS).flatmap(expressions), facts())
def test_generated_code_and_oracle_agree(source: str, known: dict[str, object]) -> None:
    expression = accepted(compile_expression, source)
    assert expression.generated
    wanted = Oracle(check(source, VOCABULARY)).run(known)
    found = expression.value(known)
    assert same(found, wanted), f"{source}\n  generated: {found!r}\n  oracle:    {wanted!r}"


@RELAXED
@given(st.lists(expressions(), min_size=1, max_size=12), facts())
def test_a_rule_set_finds_what_its_conditions_say(sources: list[str], known: dict[str, object]) -> None:
    conditions = [accepted(compile_condition, source) for source in sources]
    expected = [number for number, condition in enumerate(conditions) if condition.holds(known)]
    assert Matcher(conditions).hits(known) == expected
