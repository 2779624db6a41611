"""Parquet, read by row groups."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from app.errors import StartError
from app.loading.rows import BadRow, Row, readable

AT_ONCE = 1_000


class ParquetRows:
    """Raises StartError for a file that is no Parquet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _sound(path), pq.ParquetFile(path) as file:
            self.columns: list[str] = file.schema_arrow.names
            self._rows: int = file.metadata.num_rows
            groups = range(file.metadata.num_row_groups)
            self._group_rows = [file.metadata.row_group(each).num_rows for each in groups]
        self._done = 0

    def read(self, after: int) -> Iterator[Row | BadRow]:
        skipped, number = self._whole_groups(after)
        with _sound(self._path), pq.ParquetFile(self._path) as file:
            groups = range(skipped, len(self._group_rows))
            for batch in file.iter_batches(AT_ONCE, row_groups=groups) if groups else ():
                for values in _in_microseconds(batch).to_pylist():
                    number += 1
                    self._done = number
                    if number > after:
                        yield Row(number, number, values)

    def _whole_groups(self, after: int) -> tuple[int, int]:
        """How many row groups lie wholly among the first rows, and how many rows they have."""
        rows = 0
        for index, size in enumerate(self._group_rows):
            if rows + size > after:
                return index, rows
            rows += size
        return len(self._group_rows), rows

    def fraction(self) -> float:
        return self._done / max(1, self._rows)


def _in_microseconds(batch: Any) -> Any:
    """Python's times have microseconds; what is finer is cut off."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    wanted = pa.schema(fields)
    return batch if wanted.equals(batch.schema) else pa.Table.from_batches([batch]).cast(wanted, safe=False)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Raises StartError where the file is damaged, or no Parquet at all."""
    with readable(path):
        try:
            yield
        except pa.ArrowException as cause:
            raise StartError(f"{path} is no sound Parquet file: {cause}") from cause
