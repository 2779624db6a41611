"""Facts written as JSON."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.language import Vocabulary, compile_condition
from rules.language.given import NotAFactError, facts_from, inferred

VOCABULARY = Vocabulary(
    {
        "customer.age": "int",
        "customer.spend": "double",
        "customer.since": "timestamp",
        "context.wait": "duration",
        "context.basket": "map<string, dyn>",
        "customer.scores": "list<double>",
    }
)


def test_facts_come_nested_or_flat_and_get_their_types() -> None:
    document = {
        "customer": {"spend": 3, "since": "2026-03-01T12:00:00Z", "scores": [1, 2.5], "unknown": 1},
        "customer.age": 31,
        "context": {"wait": "90s", "basket": {"total": 3}},
    }
    assert facts_from(document, VOCABULARY) == {
        "customer.age": 31,
        "customer.spend": 3.0,
        "customer.since": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "customer.scores": [1.0, 2.5],
        "context.wait": timedelta(seconds=90),
        "context.basket": {"total": 3},
    }


@pytest.mark.parametrize(
    "document",
    [{"customer": {"age": "31"}}, {"customer.age": 1.5}, {"customer.age": True}, {"customer.since": "soon"}],
)
def test_a_value_of_another_type_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(NotAFactError, match=r"customer\."):
        facts_from(document, VOCABULARY)


def test_types_can_be_taken_from_the_values() -> None:
    document = {"customer": {"age": 31, "tags": ["a"], "mixed": [1, "a"], "nothing": None}, "vip": True}
    vocabulary = inferred(document)
    assert dict(vocabulary.types) == {
        "customer.age": "int",
        "customer.tags": "list<string>",
        "customer.mixed": "list<dyn>",
        "customer.nothing": "dyn",
        "vip": "bool",
    }
    condition = compile_condition('vip && customer.age > 30 && "a" in customer.tags', vocabulary)
    assert condition.holds(facts_from(document, vocabulary))
