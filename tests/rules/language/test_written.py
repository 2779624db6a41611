"""A tree written as CEL parses to the same tree again."""

import pytest
from hypothesis import given

from rules.language import compile_expression
from rules.language.written import text_of
from tests.rules.language.expressions import VOCABULARY, expressions
from tests.rules.language.test_against_oracle import RELAXED, accepted


@RELAXED
@given(expressions())
def test_text_and_tree_agree(source: str) -> None:
    text = text_of(accepted(compile_expression, source).tree)
    assert text_of(compile_expression(text, VOCABULARY).tree) == text


@pytest.mark.parametrize(
    "source",
    [
        "a.int - (1 - a.other) - 2",
        "-(a.int + 1) * 2",
        "!(a.flag && a.int > 1) ? 1 : a.flag ? 2 : 3",
        "(a.flag ? 1 : 2) + 1",
        'a.text + "é\\n\\"" == "x"',
        r"a.bytes == b'\x00a\xff'",
        "a.json.?a.orValue(dyn(1))",
        "a.json[?a.text].hasValue()",
        "[1, ?a.counts.?a]",
        '{?"k": a.counts.?a, "l": 2}',
        "{'b c': 1}.`b c`",
        "has(a.int) || has(a.json.a.b)",
        "a.ints.map(i, i > 1, i * 2)",
        "a.ints.filter(i, i > 1)",
        "a.ints.exists_one(i, i == 1)",
        "a.ints.existsOne(i, v, i == v)",
        "a.ints.transformList(i, v, i > 0, i + v)",
        "a.counts.transformMap(k, v, v + 1)",
        "a.texts.transformMapEntry(i, v, {v: i})",
        "cel.bind(t, a.int + 1, t * t)",
        "type(a.int) == int",
        'math.greatest(a.int, 2) == 2 && strings.quote("a") == a.text',
        "a.uint + 1u",
        "1e300 * 1.0",
        "null == a.any",
    ],
)
def test_every_construct(source: str) -> None:
    tree = compile_expression(source, VOCABULARY).tree
    assert compile_expression(text_of(tree), VOCABULARY).tree == tree
