"""Why not: the smallest part that decides, with its values."""

import pytest

from rules.language import EvaluationError, Vocabulary, compile_condition, explain

VOCABULARY = Vocabulary(
    {
        "event.type": "string",
        "customer.spend_90d": "double",
        "customer.age": "int",
        "customer.segments": "list<string>",
        "customer.last_call_at": "timestamp",
        "now": "timestamp",
        "context.basket": "map<string, dyn>",
    }
)
FACTS: dict[str, object] = {
    "event.type": "purchase",
    "customer.spend_90d": 42.5,
    "customer.age": 31,
    "customer.segments": ["vip"],
    "context.basket": {"total": 12},
}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('event.type == "purchase" && customer.spend_90d > 100.0', "`customer.spend_90d > 100.0`: 42.5"),
        (
            'customer.spend_90d > 100.0 || event.type == "call"',
            '`customer.spend_90d > 100.0`: 42.5; `event.type == "call"`: "purchase"',
        ),
        ('!("vip" in customer.segments)', '`!("vip" in customer.segments)`: ["vip"]'),
        ("!(customer.age > 30 && true)", "`customer.age > 30`: 31; `true`: true"),
        ("customer.age * 2 > 100", "`customer.age * 2 > 100`: 62"),
        (
            "double(customer.age) > customer.spend_90d",
            "`double(customer.age) > customer.spend_90d`: "
            "double(customer.age) is 31.0, customer.spend_90d is 42.5",
        ),
        ("customer.age > 30 ? customer.age > 60 : true", "`customer.age > 60`: 31"),
        (
            'customer.segments.exists(s, s.startsWith("g"))',
            '`customer.segments.exists(s, s.startsWith("g"))`: ["vip"]',
        ),
        ("true && now > customer.last_call_at", "`now > customer.last_call_at`: now is not known"),
        ("has(customer.last_call_at) && true", "`has(customer.last_call_at)`: false"),
        ("context.basket.total > 20", "`context.basket.total > 20`: 12"),
        (
            "customer.age > 40 && customer.age + 1 > 40 && customer.spend_90d > 1.0",
            "`customer.age > 40`: 31",
        ),
    ],
)  # fmt: skip
def test_the_smallest_part_that_decides(source: str, sentence: str) -> None:
    condition = compile_condition(source, VOCABULARY)
    explanation = explain(condition, FACTS)
    assert explanation.sentence == sentence
    assert explanation.verdict == condition.verdict(FACTS)


def test_a_verdict_of_true_is_explained_too() -> None:
    condition = compile_condition('event.type == "call" || customer.age > 30', VOCABULARY)
    assert explain(condition, FACTS).sentence == "`customer.age > 30`: 31"


def test_an_explanation_is_data() -> None:
    explanation = explain(compile_condition("customer.spend_90d > 100.0", VOCABULARY), FACTS)
    (part,) = explanation.parts
    assert (part.text, part.verdict, part.values) == (
        "customer.spend_90d > 100.0",
        False,
        {"customer.spend_90d": 42.5},
    )
    undecided = explain(compile_condition("customer.spend_90d > 100.0", VOCABULARY), {})
    assert undecided.verdict == EvaluationError("customer.spend_90d is not known")
    assert undecided.parts[0].verdict == undecided.verdict


def test_what_is_not_generated_is_explained_as_a_whole() -> None:
    condition = compile_condition('{true: "a", 1: "b"}[dyn(customer.age)] == "a"', VOCABULARY)
    assert not condition.generated
    assert condition.source in explain(condition, FACTS).sentence
