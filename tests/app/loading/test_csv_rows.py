"""CSV: every row is read or listed with its line; a broken line costs no other."""

import gzip
from pathlib import Path

import pytest

from app.errors import StartError
from app.loading.csv_rows import CsvRows
from app.loading.rows import BadRow, Row


def read(tmp_path: Path, text: str | bytes, after: int = 0) -> list[Row | BadRow]:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(CsvRows(path).read(after))


def outline(rows: list[Row | BadRow]) -> list[tuple[int, str]]:
    """Line and id of the good rows, line and reason of the bad ones."""
    return [(each.line, each.reason if isinstance(each, BadRow) else each.values["id"]) for each in rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = f'id{delimiter}"city, and; more"{delimiter}age\nada{delimiter}"Porto, or; so"{delimiter}41\n'
    (row,) = read(tmp_path, text)
    assert isinstance(row, Row)
    assert row.values == {"id": "ada", "city, and; more": "Porto, or; so", "age": "41"}


def test_quotes_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    text = '\ufeffid,said\r\nada,"a ""word""\r\nand more"\r\n\r\nbob,\r\n'
    rows = read(tmp_path, text)
    assert [each.values for each in rows if isinstance(each, Row)] == [
        {"id": "ada", "said": 'a "word"\r\nand more'},
        {"id": "bob", "said": ""},
    ]
    assert [(each.number, each.line) for each in rows] == [(1, 2), (2, 5)], "an empty line is no row"


def test_the_header_may_have_line_ends_in_its_names(tmp_path: Path) -> None:
    (row,) = read(tmp_path, '"the\nid";age\nada;41\n')
    assert isinstance(row, Row)
    assert (row.line, row.values) == (3, {"the\nid": "ada", "age": "41"})


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, "id,age\n") == []


def test_ragged_rows_are_listed_and_lose_nothing_else(tmp_path: Path) -> None:
    assert outline(read(tmp_path, "id,age\nada,41\nbob\neve,1,2\nzoe,3")) == [
        (2, "ada"),
        (3, "1 cell, and the header has 2"),
        (4, "3 cells, and the header has 2"),
        (5, "zoe"),
    ]


def test_a_quote_that_is_never_closed_costs_its_own_line(tmp_path: Path) -> None:
    others = "".join(f"c{number},{number}\n" for number in range(20_000))
    rows = read(tmp_path, f'id,age\nada,"41\n{others}')
    assert isinstance(rows[0], BadRow)
    assert rows[0].reason.startswith("not CSV")
    assert (rows[0].line, rows[0].original) == (2, ['ada,"41'])
    assert [each.values["id"] for each in rows[1:] if isinstance(each, Row)] == [f"c{n}" for n in range(20_000)]
    assert [each.line for each in rows] == list(range(2, 20_003))


def test_a_quote_that_is_closed_by_another_line_costs_these_two(tmp_path: Path) -> None:
    found = outline(read(tmp_path, 'id,age\nada,"41\nbob,2\neve,"3\nzoe,4\n'))
    assert [each for each in found if len(each[1]) == 3] == [(3, "bob"), (5, "zoe")]
    assert [line for line, _ in found] == [2, 3, 4, 5]


def test_reading_goes_on_after_any_row(tmp_path: Path) -> None:
    text = 'id,age\nada,"4\n1"\nbob\neve,"1\nzoe,3\nmax,4'
    whole = read(tmp_path, text)
    for after in range(len(whole) + 2):
        assert read(tmp_path, text, after) == whole[after:]


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"id\nada\n"))
    assert outline(list(CsvRows(path).read(0))) == [(2, "ada")]


def test_a_damaged_file_is_read_up_to_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    text = "id\n" + "".join(f"{number * 7919 % 99991}\n" for number in range(50_000))
    packed = gzip.compress(text.encode())
    path.write_bytes(packed[: len(packed) // 2])
    rows = CsvRows(path).read(0)
    assert next(rows).line == 2
    with pytest.raises(StartError, match=r"a\.csv\.gz cannot be read"):
        list(rows)


@pytest.mark.parametrize(
    ("text", "said"), [("", "has no header"), ("\n1,2\n", "has no header"), ("a,b,a\n", "names the column `a` twice")]
)
def test_headers_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StartError, match=said):
        read(tmp_path, text)


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    rows = read(tmp_path, "id,age\nada,1\n" + "x" * 3_000_000 + "\nbob,2\n")
    assert [each.line for each in rows] == [2, 3, 4]
    assert [isinstance(each, BadRow) for each in rows] == [False, True, False]
