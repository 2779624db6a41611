"""The examples of docs/language.md are right."""

import re
from pathlib import Path

import pytest

from rules.language import Vocabulary, compile_condition, limits

PAGE = (Path(__file__).parents[3] / "docs" / "language.md").read_text(encoding="utf-8")
VOCABULARY = Vocabulary(
    {
        "event.type": "string",
        "event.time": "timestamp",
        "customer.age": "int",
        "customer.spend_90d": "double",
        "customer.segments": "list<string>",
        "customer.last_call_at": "timestamp",
        "context.basket": "map<string, dyn>",
        "now": "timestamp",
    }
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("source", [line for block in blocks("cel") for line in block.splitlines()])
def test_conditions_are_accepted(source: str) -> None:
    assert compile_condition(source, VOCABULARY).generated


def test_the_python_example_runs() -> None:
    (example,) = blocks("python")
    exec(compile(example, "docs/language.md", "exec"), {})


def test_the_bounds_are_the_real_ones() -> None:
    bounds = {
        "characters": limits.LENGTH_MAX,
        "nesting": limits.DEPTH_MAX,
        "parts": limits.NODES_MAX,
        "steps": limits.STEPS_MAX,
    }
    for what, bound in bounds.items():
        (at_most,) = re.findall(rf"^\| {what}\b[^|]*\|([^|]*)\|$", PAGE, re.MULTILINE)
        assert f"{bound:,}" in re.findall(r"[\d,]+\d|\d", at_most)
