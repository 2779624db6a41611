"""Lists of conditions asked together: each as if its conditions were asked one by one."""

import random

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from rules.language import Condition, ConditionError, EvaluationError, FirstFalse, compile_condition
from tests.rules.language.expressions import VOCABULARY, expressions, facts

KNOWN: dict[str, object] = {"a.int": 3, "a.double": 1.5, "a.flag": True, "a.texts": ["vip"], "a.counts": {"x": 2}}


def condition(source: str) -> Condition:
    return compile_condition(source, VOCABULARY)


def one_by_one(conditions: tuple[Condition, ...], known: dict[str, object]) -> int | None:
    for number, each in enumerate(conditions):
        verdict = each.verdict(known)
        if isinstance(verdict, EvaluationError):
            return None
        if not verdict:
            return number
    return len(conditions)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ((), 0),
        (("a.int > 2",), 1),
        (("a.int > 3",), 0),
        (("a.int > 2", "a.double > 2.0", "a.flag"), 1),
        (("a.int > 2", "a.double > 1.0", "a.flag"), 3),
        (("a.int > 2", "a.other > 2"), None),
        (("a.int > 3", "a.other > 2"), 0),
        (("a.other > 2", "a.int > 3"), None),
        (("!has(a.other)",), 1),
        (("has(a.other) && a.other > 2",), 0),
        (("a.int / 0 > 1",), None),
        (('a.texts.exists(t, t == "vip")', 'a.texts.exists(t, t == "none")'), 1),
    ],
)
def test_how_many_hold_before_the_first_that_is_false(sources: tuple[str, ...], expected: int | None) -> None:
    conditions = tuple(condition(each) for each in sources)
    assert one_by_one(conditions, KNOWN) == expected
    assert FirstFalse([conditions]).of(KNOWN) == [expected]
    assert FirstFalse([(condition("a.int > 0"),), conditions, (condition("a.flag"),)]).of(KNOWN) == [1, expected, 1]


def test_a_name_that_is_not_known_is_of_no_concern_to_others() -> None:
    lists = [("a.int > 2", "a.other > 2"), ("a.int > 2",), ("a.int > 2", "a.flag", "a.other > 1"), ("a.int > 3",)]
    asked = FirstFalse([tuple(condition(each) for each in one) for one in lists])
    assert asked.of(KNOWN) == [None, 1, None, 0]


def test_more_than_one_function_holds() -> None:
    lists = [(condition(f"a.int >= {number % 7}"),) for number in range(1_000)]
    assert FirstFalse(lists).of(KNOWN) == [int(number % 7 <= 3) for number in range(1_000)]
    assert FirstFalse([]).of(KNOWN) == []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(expressions(), max_size=3), min_size=1, max_size=4), facts(), st.integers(0, 10**9))
def test_what_it_says_is_what_they_say_one_by_one(
    sources: list[list[str]], known: dict[str, object], seed: int
) -> None:
    """Of what it does not say (None) they are asked one by one."""
    try:
        lists = [tuple(condition(each) for each in one) for one in sources]
    except ConditionError:  # it might take too many steps
        reject()
    asked = [*lists, *random.Random(seed).sample(lists, len(lists))]
    found = FirstFalse(asked).of(known)
    assert len(found) == len(asked)
    for conditions, said in zip(asked, found, strict=True):
        assert said is None or said == one_by_one(conditions, known)
