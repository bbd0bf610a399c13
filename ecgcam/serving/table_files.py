"""Tables of rows as files: CSV, JSON lines or Parquet, by the suffix of the name."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..files import atomic_write
from .rows import Kind, Row

Columns = Mapping[str, Kind]

_BLOCK = 4096  # rows of a group in a Parquet file


def check_table_file(path: Path) -> None:
    """Raise DatasetError for another suffix; ModuleNotFoundError if a library is missing."""
    if path.suffix.lower() not in _WRITERS:
        raise DatasetError(f"{path}: unknown kind of table; expected {', '.join(_WRITERS)}.")
    if path.suffix.lower() == ".parquet":
        import_module("pyarrow.parquet")


def write_table(path: Path, columns: Columns, rows: Iterable[Row]) -> None:
    """Write a table, whole or not at all."""
    with atomic_write(path) as temporary:
        _WRITERS[path.suffix.lower()](temporary, columns, rows)


def _write_csv(path: Path, columns: Columns, rows: Iterable[Row]) -> None:
    """Write words separated by ";", sentences by " | ", and lists of numbers as JSON."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            writer.writerow(_cell(row[name], kind) for name, kind in columns.items())


def _cell(value: Any, kind: Kind) -> Any:
    if value is None:
        return ""
    if kind is Kind.WORDS:
        return ";".join(value)
    if kind is Kind.SENTENCES:
        return " | ".join(value)
    return json.dumps(value) if kind is Kind.NUMBERS else value


def _write_json_lines(path: Path, columns: Columns, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _write_parquet(path: Path, columns: Columns, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = {
        Kind.TEXT: pa.string(),
        Kind.WORDS: pa.list_(pa.string()),
        Kind.SENTENCES: pa.list_(pa.string()),
        Kind.NUMBER: pa.float32(),
        Kind.COUNT: pa.int32(),
        Kind.NUMBERS: pa.list_(pa.float32()),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    with ParquetWriter(path, schema) as writer:
        for block in _blocks(rows):
            writer.write_table(pa.Table.from_pylist(block, schema))


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while block := list(islice(rows, _BLOCK)):
        yield block


_WRITERS: dict[str, Callable[[Path, Columns, Iterable[Row]], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
