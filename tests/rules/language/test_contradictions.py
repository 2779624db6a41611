"""Conditions that can never hold, and those that only look like it."""

import pytest
from hypothesis import given

from rules.language import Vocabulary, compile_condition, never_holds
from tests.rules.language.expressions import expressions, facts
from tests.rules.language.test_against_oracle import RELAXED, accepted

VOCABULARY = Vocabulary(
    {
        "event.type": "string",
        "customer.age": "int",
        "customer.spend": "double",
        "customer.vip": "bool",
        "now": "timestamp",
    }
)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            'event.type == "a" && event.type == "b"',
            'event.type cannot satisfy `event.type == "a"` and `event.type == "b"`',
        ),
        (
            "customer.age > 30 && customer.age < 30",
            "customer.age cannot satisfy `customer.age > 30` and `customer.age < 30`",
        ),
        (
            'event.type in ["a", "b"] && event.type != "a" && "b" != event.type',
            'event.type cannot satisfy `event.type in ["a", "b"]` and `event.type != "a"` and `"b" != event.type`',
        ),
        ("customer.vip && !customer.vip", "`customer.vip` must be both true and false"),
        ("customer.age > 1 && 1 > 2", "`1 > 2` is always false"),
        ("customer.age > 1 && 1 / 0 == 1", "`1 / 0 == 1` always fails: division by zero"),
        ("event.type in []", "`event.type in []` allows no value"),
        (
            'now > timestamp("2030-01-01T00:00:00Z") && now < timestamp("2020-01-01T00:00:00Z")',
            'now cannot satisfy `now > timestamp("2030-01-01T00:00:00Z")` and '
            '`now < timestamp("2020-01-01T00:00:00Z")`',
        ),
        (
            "!(customer.age > 1 || customer.age < 5)",
            "customer.age cannot satisfy `!(customer.age > 1)` and `!(customer.age < 5)`",
        ),
        (
            "customer.spend > 5.0 && (customer.spend < 1.0 || false)",
            None,  # not looked for: a bound outside with one inside an alternative
        ),
        ("(1 > 2 || 2 > 3) && customer.age > 1", "`1 > 2 || 2 > 3` is always false"),
    ],
)
def test_what_can_never_hold(source: str, reason: str | None) -> None:
    assert never_holds(compile_condition(source, VOCABULARY)) == reason


@pytest.mark.parametrize(
    "source",
    [
        "customer.age >= 30 && customer.age <= 30",
        'event.type == "a" || event.type == "b"',
        "customer.spend > 1.0 && !(customer.spend >= 1.0 && customer.age > 3)",
        "1 < 2",
        'event.type in ["a"] && event.type == "a"',
        "customer.age > 9223372036854775806",
        # evaluated by the front end, not by generated code
        '{true: "a", 1: "b"}[dyn(1)] == "b" && customer.age > 0',
        "google.protobuf.Int32Value{value: 1} == 1 && customer.age > 0",
        "google.protobuf.Int32Value{value: 1} == 1 && !(google.protobuf.Int32Value{value: 2} == 1)",
    ],
)
def test_what_may_hold(source: str) -> None:
    assert never_holds(compile_condition(source, VOCABULARY)) is None


@RELAXED
@given(expressions(), facts())
def test_no_false_alarm(source: str, known: dict[str, object]) -> None:
    condition = accepted(compile_condition, source)
    if never_holds(condition):
        assert condition.verdict(known) is not True
