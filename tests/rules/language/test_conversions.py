"""Texts read as numbers, times and bytes: what the reference evaluator reads, and nothing else."""

import pytest

from rules.language import EvaluationError, Matcher, Vocabulary, compile_condition, compile_expression
from rules.language.frontend import check
from rules.language.oracle import Oracle
from tests.rules.language.test_against_oracle import same

VOCABULARY = Vocabulary({"a.text": "string"})


@pytest.mark.parametrize(
    ("function", "text"),
    [
        *(
            (function, text)
            for function in ("int", "uint")
            for text in ("0" * 5000, "+" + "0" * 5000 + "7", "-" + "0" * 5000 + "7", "9" * 5000, "-", "\x0b12 ")
        ),
        *((function, space + "1") for function in ("int", "uint", "double") for space in "\u00a0\x85\x1c\u2003"),
        *(("double", text) for text in ("١٢", "0x10", "-0X1.8p3", "0x1p5000", "-0x1p5000", "0x", " 1.5\n")),
        *(("base64.decode", text) for text in ("YQ=", "YQ", "YQ==", "YQ= =", "YWJj=", "Y\u00a0Q==", "Y\nQ")),
        *(("timestamp", f"2020-01-01T00:00:00{offset}") for offset in ("+23:59", "+24:00", "-24:00", "+99:00")),
        *(
            ("duration", text)
            for text in ("9223372036854775807ns", "9223372036854775808ns", "-99999999999999999999.5ns", "87600000h")
        ),
    ],
)
def test_reading_texts_as_the_oracle_does(function: str, text: str) -> None:
    source, facts = f"{function}(a.text)", {"a.text": text}
    wanted = Oracle(check(source, VOCABULARY)).run(facts)
    assert same(compile_expression(source, VOCABULARY).value(facts), wanted)


@pytest.mark.parametrize("value", ["1", '"abc"', '{"a": 1}', "null"])
@pytest.mark.parametrize("function", ["first", "last"])
def test_only_lists_have_a_first_and_a_last(function: str, value: str) -> None:
    condition = compile_condition(f"dyn({value}).{function}().hasValue()", VOCABULARY)
    assert isinstance(condition.verdict({}), EvaluationError)
    assert Matcher([condition]).hits({}) == []


def test_half_a_surrogate_pair_has_hexadecimal_digits() -> None:
    expression = compile_expression('"%x".format([a.text])', VOCABULARY)
    assert expression.value({"a.text": "\ud800"}) == "eda080"
