"""What stands in a cell, as the attribute's type has it; the rest is left for the policy to refuse."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.loading.cells import READERS, is_empty

LISBON = ZoneInfo("Europe/Lisbon")
READ = [
    ("string", "0041", "0041"),
    ("string", " as it is ", " as it is "),
    ("string", 4150, "4150"),
    ("string", 4150.0, "4150"),
    ("string", True, "true"),
    ("string", date(2026, 3, 1), "2026-03-01"),
    ("int", " 41 ", 41),
    ("int", "-7", -7),
    ("int", "41.0", 41),
    ("int", 41.0, 41),
    ("int", Decimal(41), 41),
    ("int", "41.5", "41.5"),
    ("int", 41.5, 41.5),
    ("int", "1e3", "1e3"),
    ("int", "1_000", "1_000"),
    ("int", "9" * 5_000, "9" * 5_000),
    ("int", True, True),
    ("double", "29.85", 29.85),
    ("double", ".5e1", 5.0),
    ("double", Decimal("29.85"), 29.85),
    ("double", "29,85", "29,85"),
    ("double", "nan", "nan"),
    ("double", "inf", "inf"),
    ("double", "1_0.0", "1_0.0"),
    *(("bool", text, True) for text in ("yes", "Yes", "TRUE", "y", "t", "1", 1, 1.0, True)),
    *(("bool", text, False) for text in ("no", "No", "false", "n", "F", "0", 0, False)),
    ("bool", "maybe", "maybe"),
    ("bool", 2, 2),
    ("timestamp", "2026-07-01", "2026-07-01T00:00:00+01:00"),
    ("timestamp", "2026-01-01 09:30", "2026-01-01T09:30:00+00:00"),
    ("timestamp", "2026-07-01T09:30:00Z", "2026-07-01T09:30:00+00:00"),
    ("timestamp", date(2026, 7, 1), "2026-07-01T00:00:00+01:00"),
    ("timestamp", datetime(2026, 7, 1, 9, tzinfo=UTC), "2026-07-01T09:00:00+00:00"),
    ("timestamp", "07/01/2026", "07/01/2026"),
    ("timestamp", 1_773_144_000, 1_773_144_000),
    ("list<string>", "a| b |c", ["a", "b", "c"]),
    ("list<string>", '["a", "b|c"]', ["a", "b|c"]),
    ("list<string>", '["a"', '["a"'),
    ("list<string>", ["a"], ["a"]),
]


@pytest.mark.parametrize(("kind", "value", "expected"), READ)
def test_a_cell_is_read(kind: str, value: Any, expected: Any) -> None:
    assert not is_empty(value)
    found = READERS[kind](value, LISBON)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("value", ["", " ", "\t", None, float("nan")])
def test_an_empty_cell_is_left_out(value: Any) -> None:
    assert is_empty(value)
