"""JSON Lines and Parquet, and which file is which."""

import gzip
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from app.errors import StartError
from app.loading.command import rows_of
from app.loading.json_rows import JsonRows
from app.loading.parquet_rows import ParquetRows
from app.loading.rows import BadRow, Row


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    text = '{"id": "ada", "age": 41}\n\n{"id": "bob"\n[1]\n{"id": "eve", "vip": true}\n{"id": "\\ud800"}\n'
    path.write_bytes(gzip.compress(text.encode()))
    source = JsonRows(path)
    assert source.columns == ["id", "age", "vip"]
    rows = list(source.read(0))
    assert rows[0] == Row(1, 1, {"id": "ada", "age": 41})
    assert [(each.number, each.line, each.reason.partition(":")[0]) for each in rows if isinstance(each, BadRow)] == [
        (2, 3, "not JSON"),
        (3, 4, "a line must be one JSON object, such as {" + '"customer"'),
        (5, 6, "not JSON"),
    ]
    assert list(source.read(3)) == rows[3:]


def test_a_list_of_objects_is_no_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("[" + '{"id": "ada"},' * 200_000 + "{}]")
    (row,) = JsonRows(path).read(0)
    assert isinstance(row, BadRow)
    assert "more than 1,000,000 characters" in row.reason


def test_parquet_goes_on_after_any_row_group(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    moments = [datetime(2026, 3, day, 9, 30, tzinfo=UTC) for day in range(1, 11)]
    table = pa.table(
        {
            "id": [f"c{number}" for number in range(10)],
            "age": pa.array([None if number == 3 else number for number in range(10)], pa.int32()),
            "seen": pa.array(moments, pa.timestamp("ns", "UTC")),
            "born": pa.array([date(1990, 1, day) for day in range(1, 11)]),
        }
    )
    pq.write_table(table, path, row_group_size=3)
    source = ParquetRows(path)
    assert source.columns == ["id", "age", "seen", "born"]
    rows = list(source.read(0))
    assert rows[3] == Row(4, 4, {"id": "c3", "age": None, "seen": moments[3], "born": date(1990, 1, 4)})
    assert [each.number for each in rows] == list(range(1, 11))
    for after in range(12):
        assert list(source.read(after)) == rows[after:]
    assert source.fraction() == 1.0


def test_no_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_text("id\nada\n")
    with pytest.raises(StartError, match="no sound Parquet file"):
        ParquetRows(path)


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.parquet.gz", "a.gz"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StartError, match="does not say what it is") as caught:
        rows_of(tmp_path / name)
    assert ".jsonl" in caught.value.hint
