"""What would have to change: only what stands against the condition, with its value and what it would have to be."""

import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.explaining.changes import in_words
from rules.language import EvaluationError, Lack, Lacks, Vocabulary, compile_condition, lacking, leaves

VOCABULARY = Vocabulary(
    {
        "event.type": "string",
        "customer.spend_90d": "double",
        "customer.age": "int",
        "customer.consent": "bool",
        "customer.segments": "list<string>",
        "customer.city": "string",
        "customer.last_call_at": "timestamp",
        "now": "timestamp",
    }
)
FACTS: dict[str, object] = {
    "event.type": "purchase",
    "customer.spend_90d": 82.5,
    "customer.age": 31,
    "customer.segments": ["vip"],
    "customer.last_call_at": datetime(2026, 3, 10, 11, 30, tzinfo=UTC),
    "now": datetime(2026, 3, 10, 12, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("customer.spend_90d > 100.0", "customer.spend_90d is 82.5 → more than 100.0"),
        ("100.0 < customer.spend_90d", "customer.spend_90d is 82.5 → more than 100.0"),
        (
            'customer.age > 40 && event.type == "purchase" && (customer.age > 50 || customer.spend_90d >= 90.0)',
            "customer.age is 31 → more than 40, and "
            "(customer.age is 31 → more than 50, or customer.spend_90d is 82.5 → at least 90.0)",
        ),
        (
            'customer.age > 30 && event.type == "purchase" && (customer.age > 50 || customer.spend_90d >= 80.0)',
            "",
        ),
        ("!(customer.age > 30)", "customer.age is 31 → at most 30"),
        ("!(customer.age > 30 && customer.age < 40)",
         "customer.age is 31 → at most 30, or customer.age is 31 → at least 40"),
        ("!(customer.age > 30 || customer.age > 99)", "customer.age is 31 → at most 30"),
        ('!("vip" in customer.segments)', 'customer.segments is ["vip"] → without "vip"'),
        ('"new" in customer.segments', 'customer.segments is ["vip"] → with "new"'),
        ('event.type in ["call", "visit"]', 'event.type is "purchase" → one of ["call", "visit"]'),
        ('event.type != "purchase"', 'event.type is "purchase" → anything but "purchase"'),
        ("customer.consent", "customer.consent is not known → true"),
        ("!has(customer.consent) || !customer.consent", ""),
        ("has(customer.consent) && customer.consent", "customer.consent is not known → true"),
        ("has(customer.city)", "customer.city is not known → known"),
        ("!has(customer.age)", "customer.age is 31 → not known"),
        ("customer.age * 2 > 100", "customer.age * 2 is 62 → more than 100"),
        ('now - customer.last_call_at > duration("1h")', "now - customer.last_call_at is 30m → more than 1h"),
        ("now < customer.last_call_at", "customer.last_call_at is 2026-03-10T11:30:00Z → after 2026-03-10T12:00:00Z"),
        ("customer.age > 30 ? customer.age > 60 : true", "customer.age is 31 → more than 60"),
        ("customer.age > 30 ? false : true", "customer.age is 31 → at most 30"),
        (
            'customer.segments.exists(s, s.startsWith("g"))',
            'customer.segments.exists(s, s.startsWith("g")) is false → true',
        ),
        ("double(customer.age) > customer.spend_90d", "double(customer.age) is 31.0 → more than 82.5"),
        ('customer.city == "Bonn" || customer.age > 40',
         'customer.city is not known → "Bonn", or customer.age is 31 → more than 40'),
    ],
)  # fmt: skip
def test_what_would_have_to_change(source: str, words: str) -> None:
    condition = compile_condition(source, VOCABULARY)
    found = lacking(condition, FACTS)
    assert in_words(found) == words
    assert (found is None) is (condition.verdict(FACTS) is True)


def test_it_is_data() -> None:
    found = lacking(compile_condition("customer.spend_90d > 100.0 && customer.consent", VOCABULARY), FACTS)
    spend = Lack("customer.spend_90d", 82.5, ">", 100.0, frozenset({"customer.spend_90d"}))
    unknown = EvaluationError("customer.consent is not known")
    consent = Lack("customer.consent", unknown, "true", None, frozenset({"customer.consent"}))
    assert found == Lacks(True, (spend, consent))
    assert leaves(found) == [spend, consent]


def test_what_is_not_generated_is_named_as_a_whole() -> None:
    condition = compile_condition('{true: "a", 1: "b"}[dyn(customer.age)] == "a"', VOCABULARY)
    assert not condition.generated
    (found,) = leaves(lacking(condition, FACTS))
    assert (found.subject, found.relation) == (condition.source, "true")


TERMS = st.sampled_from(
    [
        "customer.age > 20",
        "customer.age <= 10",
        'customer.city == "Bonn"',
        'customer.city in ["Bonn", "Kiel"]',
        '"vip" in customer.segments',
        "customer.consent",
        "has(customer.age)",
        "customer.spend_90d * 2.0 >= 50.0",
        'now - customer.last_call_at < duration("1h")',
    ]
)
CONDITIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda each: f"({' '.join(each)})"),
        inner.map(lambda each: f"!({each})"),
        st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} ? {each[1]} : {each[2]})"),
    ),
    max_leaves=8,
)
SOME = st.fixed_dictionaries(
    {"now": st.just(datetime(2026, 3, 10, 12, tzinfo=UTC))},
    optional={
        "customer.age": st.integers(5, 30),
        "customer.city": st.sampled_from(["Bonn", "Kiel", "Ulm"]),
        "customer.segments": st.sampled_from([[], ["vip"]]),
        "customer.consent": st.booleans(),
        "customer.spend_90d": st.sampled_from([10.0, 30.0]),
        "customer.last_call_at": st.sampled_from(
            [datetime(2026, 3, 10, 12, tzinfo=UTC) - timedelta(hours=hours) for hours in (0, 3)]
        ),
    },
)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, SOME)
def test_something_is_lacking_exactly_where_a_condition_does_not_hold(source: str, facts: dict[str, object]) -> None:
    condition = compile_condition(source, VOCABULARY)
    found = lacking(condition, facts)
    assert (found is None) is (condition.verdict(facts) is True)
    for leaf in leaves(found):
        assert not _is_met(leaf), leaf


ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _is_met(leaf: Lack) -> bool:
    """No part that is as it would have to be is named."""
    if isinstance(leaf.value, EvaluationError):
        return leaf.relation == "unknown"
    value: object = leaf.value
    bound: object = leaf.bound
    match leaf.relation:
        case "==":
            return value == bound
        case "<" | "<=" | ">" | ">=":
            return ORDERED[leaf.relation](value, bound)
        case "true" | "false":
            return value is (leaf.relation == "true")
        case "with":
            return isinstance(value, list) and bound in value
        case "without":
            return isinstance(value, list) and bound not in value
        case "one_of":
            return isinstance(bound, list) and value in bound
        case "none_of":
            return isinstance(bound, list) and value not in bound
    return leaf.relation == "known"
