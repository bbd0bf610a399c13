"""Reader of Parquet files: a table with one column per lead."""

import io
from dataclasses import replace
from typing import Any

import numpy as np

from .channels import Recording
from .ecg_file import EcgFile, check_expansion
from .table_channels import Column, channels_of_table

PARQUET_START = b"PAR1"


def read_parquet(file: EcgFile) -> Recording:
    """Read a table with one column per lead; its times give the rate."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(io.BytesIO(file.data)) as table:
        cells = table.metadata.num_rows * table.metadata.num_columns
        check_expansion(8 * cells, len(file.data))
        columns = table.read()
    names = [(name, columns.column(k)) for k, name in enumerate(columns.column_names)]
    return replace(
        channels_of_table([_column(name, column) for name, column in names]), name=file.name
    )


def _column(name: str, column: Any) -> Column:
    """Return a column of numbers, of seconds for timestamps, or of text."""
    import pyarrow.types as types

    kind = column.type
    if types.is_timestamp(kind) or types.is_duration(kind) or types.is_time(kind):
        unit = getattr(kind, "unit", "s")
        values = column.cast("int64").to_numpy().astype(np.float64)
        scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[unit]
        return Column(name=name, unit="", values=(values - values[:1]) * scale, clock=True)
    if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
        return Column(name=name, unit="", values=column.to_numpy().astype(np.float64))
    return Column(name=name, unit="", values=None)
