"""Texts of actions: facts in braces."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.texts import LONGEST, parts, rendered

LISBON = ZoneInfo("Europe/Lisbon")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ada", "Ada"),
        (12, "12"),
        (12.0, "12"),
        (12.5, "12.5"),
        (True, "true"),
        (None, ""),
        (["a", "b"], "a, b"),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), "2026-07-01 13:00"),
        ("{customer.id}", "{customer.id}"),  # a value is never read as a text with facts
    ],
)
def test_a_fact_is_written_as_one_says_it(value: Any, expected: str) -> None:
    assert rendered("<{event.x}>", {"event.x": value}, LISBON) == f"<{expected}>"


def test_braces_are_doubled_and_spaces_do_not_matter() -> None:
    assert rendered("{{{ a }}}", {"a": 1}, LISBON) == "{1}"


def test_a_text_is_bounded() -> None:
    assert len(rendered("{a}" * 10, {"a": "x" * LONGEST}, LISBON)) == LONGEST


def test_every_name_and_every_stray_brace_has_its_place() -> None:
    assert [(each.offset, each.name) for each in parts("a {b} {c { d} {{e}}")] == [(2, "b"), (6, ""), (9, "d")]
