"""Conditions and expressions through the public door: values, errors as values, and problems with a place."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.language import (
    ConditionError,
    EvaluationError,
    Problem,
    Vocabulary,
    compile_condition,
    compile_expression,
)

VOCABULARY = Vocabulary(
    {
        "customer.age": "int",
        "customer.spend_90d": "double",
        "customer.segments": "list<string>",
        "context.basket": "map<string, dyn>",
        "event.type": "string",
        "event.time": "timestamp",
        "now": "timestamp",
    }
)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def problems(source: str) -> tuple[Problem, ...]:
    with pytest.raises(ConditionError) as refused:
        compile_condition(source, VOCABULARY)
    return refused.value.problems


def test_a_condition_answers_for_facts() -> None:
    condition = compile_condition(
        'event.type == "cart_abandoned" && customer.spend_90d > 100.0 && !("vip" in customer.segments)',
        VOCABULARY,
    )
    facts = {"event.type": "cart_abandoned", "customer.spend_90d": 120.0, "customer.segments": ["new"]}
    assert condition.holds(facts)
    assert condition.verdict({**facts, "customer.segments": ["vip"]}) is False
    assert condition.reads == {"event.type", "customer.spend_90d", "customer.segments"}
    assert condition.result_type == "bool"


def test_what_is_not_known_is_an_error_as_a_value() -> None:
    condition = compile_condition("customer.age > 30", VOCABULARY)
    assert condition.verdict({}) == EvaluationError("customer.age is not known")
    assert not condition.holds({})


def test_an_error_does_not_matter_where_the_other_side_decides() -> None:
    assert compile_condition("customer.age > 30 || true", VOCABULARY).verdict({}) is True
    assert compile_condition("customer.age > 30 && false", VOCABULARY).verdict({}) is False


def test_has_asks_whether_a_name_is_known() -> None:
    condition = compile_condition("has(customer.age) && customer.age > 30", VOCABULARY)
    assert condition.verdict({}) is False
    assert condition.verdict({"customer.age": 31}) is True
    assert condition.reads == {"customer.age"}


@pytest.mark.parametrize(
    ("source", "facts", "expected"),
    [
        ("has(\n customer . age )\n && customer.age > 1", {"customer.age": 2}, True),
        ('"has(customer.age)" == event.type', {"event.type": "has(customer.age)"}, True),
        ("has(context.basket.total)", {"context.basket": {"total": 1}}, True),
        ("has(context.basket.total)", {"context.basket": {}}, False),
        ('[{"age": 1}].all(customer, has(customer.age))', {}, True),
        ("!has(customer.age) || !has(customer.spend_90d)", {"customer.age": 1}, True),
    ],
)
def test_has_is_found_by_the_parser(source: str, facts: dict[str, object], expected: bool) -> None:
    assert compile_condition(source, VOCABULARY).verdict(facts) is expected


def test_expressions_have_values_of_any_type() -> None:
    assert compile_expression("customer.spend_90d * 2.0", VOCABULARY).value({"customer.spend_90d": 1.5}) == 3.0
    since = compile_expression("now - event.time", VOCABULARY)
    assert since.value({"now": NOW, "event.time": NOW - timedelta(hours=1)}) == timedelta(hours=1)
    assert since.result_type == "duration"


def test_a_misspelt_name_gets_the_nearest_one_at_its_start() -> None:
    assert problems("true && customer.spnd_90d > 100.0") == (
        Problem("`customer.spnd_90d` is not declared", 1, 9, "did you mean `customer.spend_90d`?"),
    )


def test_every_problem_comes_at_once_with_its_place() -> None:
    found = problems('custmer.age > 1 &&\n  customer.spend_90d > 100 &&\n  event.type.strtsWith("a")')
    assert [(problem.line, problem.column) for problem in found] == [(1, 1), (2, 22), (3, 14)]
    assert found[1].message == "`>` cannot be applied to double and int"
    assert found[1].hint == "write 100.0 instead of 100"
    assert found[2].message == "there is no function `strtsWith`"
    assert found[2].hint == "did you mean `startsWith`?"


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("customer.spend_90d > 100", "write 100.0 instead of 100"),
        ("-7 < customer.spend_90d", "write -7.0 instead of -7"),
        ("customer.age > 30.0", "write 30 instead of 30.0"),
        ("customer.age > 30.5", "convert the int with double(…)"),
        ("customer.spend_90d > customer.age", "convert the int with double(…)"),
        ("customer.spend_90d in [1, 2]", "write 1.0 instead of 1"),
        ("uint(customer.age) > 3", "write 3u instead of 3"),
        ("customer", "name one of its fields, for example `customer.age`"),
        ("client.spend_90d > 1.0", "did you mean `customer.spend_90d`?"),
        ("customer.age && true", "compare the value with something"),
        ("event.type > now", None),
    ],
)
def test_problems_say_what_to_do(source: str, hint: str | None) -> None:
    assert problems(source)[0].hint == hint


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("customer.age &&", "the expression ends too early"),
        ("customer.age && true", "`&&` needs true or false, not int"),
        ("customer.age ? true : false", "what stands before `?` must be true or false, not int"),
        ("true ? 1 : 2.0", "both sides of `:` must have one type, not int and double"),
        ("customer.age.foo == 1", "a value of type int has no fields"),
        ("customer.age b", "`b` is not expected here"),
        ("customer.age", "a condition must be true or false, and this is of type int"),
        ("context.basket.flag", "a condition must be true or false, and this is of type dyn"),
        ("customer.segments == 3", "`==` cannot be applied to list<string> and int"),
        ("customer", "`customer` is not declared"),
    ],
)
def test_problems_are_sentences(source: str, message: str) -> None:
    assert problems(source)[0].message == message


def test_a_vocabulary_is_a_value() -> None:
    more = VOCABULARY.extended({"offer.margin": "double"})
    assert more.types["offer.margin"] == "double"
    assert "offer.margin" not in VOCABULARY.types
    assert Vocabulary(dict(VOCABULARY.types)) == VOCABULARY


@pytest.mark.parametrize("declared", ["strng", "list<>", "map<double, int>", "map<string>", "list<int"])
def test_a_vocabulary_holds_types_only(declared: str) -> None:
    with pytest.raises(ValueError, match="is not a CEL type"):
        Vocabulary({"customer.age": declared})


@pytest.mark.parametrize("declared", ["list<uint>", "map<string, uint>", "map<uint, string>", "list<list<uint>>"])
def test_a_vocabulary_has_no_uints_inside_others(declared: str) -> None:
    with pytest.raises(ValueError, match=r"customer\.age: .* has uints in a list or map"):
        Vocabulary({"customer.age": declared})


@pytest.mark.parametrize("keys", [("a.flag", "dyn(1)"), ("dyn(a.flag)", "dyn(1)"), ("dyn(a.flag)", "1")])
def test_keys_that_may_be_true_and_one_are_left_to_the_front_end(keys: tuple[str, str]) -> None:
    vocabulary = Vocabulary({"a.flag": "bool", "a.any": "dyn"})
    condition = compile_condition(f'{{{keys[0]}: "a", {keys[1]}: "b"}}.size() == 2', vocabulary)
    assert condition.verdict({"a.flag": True}) is True
    assert not condition.generated
    assert compile_condition('{a.any: "a"}.size() == 1 && {true: 1, a.flag: 2}.size() > 0', vocabulary).generated
