"""Readers of tables: CSV with one column per lead, and NPZ."""

import csv
import io
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS
from .channels import Channel, Recording
from .ecg_file import EcgFile

_MIN_RATE_HZ = 25  # below it, the times are in milliseconds, or the table is not an ECG
_TIME_COLUMNS = {"time", "t", "time_s", "time (s)", "seconds"}
_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError)


def is_npz(head: bytes, path: Path | None) -> bool:
    """Return whether a file is a ZIP archive whose first entry is a NumPy array."""
    return head.startswith(b"PK\x03\x04") and b".npy" in head[:300]


def is_table(head: bytes, path: Path | None) -> bool:
    """Return whether a file is text."""
    return bool(head) and b"\0" not in head


def read_csv(file: EcgFile) -> Recording:
    """Read a table with one column per lead, in mV, and a column `time` in seconds.

    A column may name another unit: "V1 (uV)" or "V1 [µV]". The times give the sampling rate.
    """
    header, table = _read_table(file.data)
    times = [k for k, cell in enumerate(header) if cell.lower() in _TIME_COLUMNS]
    if len(times) != 1:
        raise RecordError(
            f"{len(times) or 'no'} columns of times; expected one column 'time' in seconds."
        )
    rate_hz = _sampling_rate(table[:, times[0]])
    named = [(k, *_split_unit(cell)) for k, cell in enumerate(header) if k != times[0]]
    channels = [
        Channel(name=name, samples=table[:, k], rate_hz=rate_hz, unit=unit)
        for k, name, unit in named
    ]
    return Recording(channels=tuple(channels), name=file.name)


def _read_table(data: bytes) -> tuple[list[str], NDArray[np.float64]]:
    """Return the header and the numbers (rows, columns), skipping blank rows."""
    try:
        reader = csv.reader(data.decode("utf-8-sig").splitlines())
        rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except (ValueError, csv.Error) as error:
        raise RecordError(f"not a table of numbers: {error}") from None
    if not rows:
        raise RecordError("not a table of numbers: it is empty.")
    (_, header), *rows = rows
    header = [cell.strip() for cell in header]
    if len(header) == 1 and ";" in header[0]:
        raise RecordError("columns are semicolon-separated; expected commas.")
    if len(rows) < 2:
        raise RecordError(
            f"not a table of numbers: {len(rows)} rows below the header; expected 2 or "
            f"more rows of {len(header)} numbers."
        )
    return header, np.array([_parse_row(row, cells, len(header)) for row, cells in rows])


def _parse_row(row: int, cells: list[str], columns: int) -> list[float]:
    """Parse a row of the file; an empty cell becomes NaN.

    The error gives the position of a cell that is not a number but not its text, which may be a
    person's name.
    """
    if len(cells) != columns:
        raise RecordError(
            f"not a table of numbers: row {row} has {len(cells)} cells; expected "
            f"{columns}, as in the header."
        )
    numbers: list[float] = []
    for column, cell in enumerate(cells, start=1):
        try:
            numbers.append(float(cell or "nan"))
        except ValueError:
            position = f"row {row}, column {column}"
            raise RecordError(f"not a table of numbers: {position} is not a number.") from None
    return numbers


def _split_unit(cell: str) -> tuple[str, str]:
    """Return ("V1", "uV") for "V1 (uV)" or "V1 [uV]", and ("V1", "mV") for "V1"."""
    match = re.fullmatch(r"(.+?)\s*[(\[](.+)[)\]]", cell)
    return (match[1], match[2]) if match else (cell, "mV")


def _sampling_rate(time_s: NDArray[np.float64]) -> float:
    """Return the samples per second; RecordError if the times do not rise evenly."""
    step = float(time_s[-1] - time_s[0]) / (len(time_s) - 1)
    even = np.isfinite(time_s).all() and np.abs(np.diff(time_s) - step).max() <= 0.5 * step
    if not (even and step > 0):
        raise RecordError("the column 'time' does not rise in even steps of seconds.")
    if step > 1 / _MIN_RATE_HZ:
        raise RecordError(f"the column 'time' rises by {step:g} per row; is it in seconds?")
    return round(1 / step, 3)


def read_npz(file: EcgFile) -> Recording:
    """Read `signal_mv` (leads, time), `rate_hz` and `leads` (the twelve in our order if absent)."""
    try:
        with np.load(io.BytesIO(file.data), allow_pickle=False) as arrays:
            leads = arrays["leads"].tolist() if "leads" in arrays else LEADS
            rate_hz = float(arrays["rate_hz"])
            signal_mv = np.asarray(arrays["signal_mv"], np.float64)
    except KeyError as error:
        message = f"{error.args[0]}; expected signal_mv, rate_hz and, if not the twelve, leads."
        raise RecordError(message) from None
    except (OSError, ValueError, TypeError, EOFError, *_DAMAGED_ZIP) as error:
        raise RecordError(f"not an NPZ file of an ECG: {error}") from None
    if signal_mv.ndim != 2 or not isinstance(leads, list | tuple) or len(signal_mv) != len(leads):
        raise RecordError(f"the signal has shape {signal_mv.shape}; expected (leads, time).")
    channels = [
        Channel(name=str(lead), samples=row, rate_hz=rate_hz)
        for lead, row in zip(leads, signal_mv, strict=True)
    ]
    return Recording(channels=tuple(channels), name=file.name)
