"""Readers of tables: CSV with one column per lead, and NPZ."""

import csv
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS, lead_name, millivolts_per
from ..signals.record import Record

_MIN_RATE_HZ = 25  # below it, the times are in milliseconds, or the table is not an ECG
_TIME_COLUMNS = {"time", "t", "time_s", "time (s)", "seconds"}
_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError)


def read_csv(path: Path) -> Record:
    """Read a table with one column per lead, in mV, and a column `time` in seconds.

    A column may name another unit: "V1 (uV)" or "V1 [µV]". The times give the sampling rate.
    """
    header, table = _read_table(path)
    times = [k for k, cell in enumerate(header) if cell.lower() in _TIME_COLUMNS]
    if len(times) != 1:
        raise RecordError(
            f"{path}: {len(times) or 'no'} columns of times; expected one column 'time' in seconds."
        )
    columns = [k for k in range(len(header)) if k != times[0]]
    named = [_split_unit(header[k]) for k in columns]
    scale = [millivolts_per(unit) for _, unit in named]
    with np.errstate(over="ignore"):  # too large becomes infinite, which Record refuses
        signal_mv = (table[:, columns] * scale).T.astype(np.float32)
    return Record(
        signal_mv=signal_mv,
        rate_hz=_sampling_rate(path, table[:, times[0]]),
        leads=tuple(lead for lead, _ in named),
        name=path.stem,
    )


def _read_table(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Return the header and the numbers (rows, columns), skipping blank rows."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except (OSError, ValueError, csv.Error) as error:
        raise RecordError(f"{path}: not a table of numbers: {error}") from None
    if not rows:
        raise RecordError(f"{path}: not a table of numbers: it is empty.")
    (_, header), *rows = rows
    header = [cell.strip() for cell in header]
    if len(header) == 1 and ";" in header[0]:
        raise RecordError(f"{path}: columns are semicolon-separated; expected commas.")
    if len(rows) < 2:
        raise RecordError(
            f"{path}: not a table of numbers: {len(rows)} rows below the header; expected 2 or "
            f"more rows of {len(header)} numbers."
        )
    return header, np.array([_parse_row(path, row, cells, len(header)) for row, cells in rows])


def _parse_row(path: Path, row: int, cells: list[str], columns: int) -> list[float]:
    """Parse a row of the file; an empty cell becomes NaN.

    The error gives the position of a cell that is not a number but not its text, which may be a
    person's name.
    """
    if len(cells) != columns:
        raise RecordError(
            f"{path}: not a table of numbers: row {row} has {len(cells)} cells; expected "
            f"{columns}, as in the header."
        )
    numbers: list[float] = []
    for column, cell in enumerate(cells, start=1):
        try:
            numbers.append(float(cell or "nan"))
        except ValueError:
            position = f"row {row}, column {column}"
            raise RecordError(
                f"{path}: not a table of numbers: {position} is not a number."
            ) from None
    return numbers


def _split_unit(cell: str) -> tuple[str, str]:
    """Return ("V1", "uV") for "V1 (uV)" or "V1 [uV]", and ("V1", "mV") for "V1"."""
    match = re.fullmatch(r"(.+?)\s*[(\[](.+)[)\]]", cell)
    return (match[1], match[2]) if match else (cell, "mV")


def _sampling_rate(path: Path, time_s: NDArray[np.float64]) -> float:
    """Return the samples per second; RecordError if the times do not rise evenly."""
    step = float(time_s[-1] - time_s[0]) / (len(time_s) - 1)
    even = np.isfinite(time_s).all() and np.abs(np.diff(time_s) - step).max() <= 0.5 * step
    if not (even and step > 0):
        raise RecordError(f"{path}: the column 'time' does not rise in even steps of seconds.")
    if step > 1 / _MIN_RATE_HZ:
        raise RecordError(f"{path}: the column 'time' rises by {step:g} per row; is it in seconds?")
    return round(1 / step, 3)


def read_npz(path: Path) -> Record:
    """Read `signal_mv` (leads, time), `rate_hz` and `leads` (the twelve in our order if absent)."""
    try:
        with (
            path.open("rb") as file,  # np.load would leave a damaged file open
            np.load(file, allow_pickle=False) as arrays,
            np.errstate(over="ignore"),
        ):
            leads = arrays["leads"].tolist() if "leads" in arrays else LEADS
            return Record(
                signal_mv=np.asarray(arrays["signal_mv"], np.float32),
                rate_hz=float(arrays["rate_hz"]),
                leads=tuple(lead_name(str(lead)) for lead in leads),
                name=path.stem,
            )
    except KeyError as error:
        message = (
            f"{path}: {error.args[0]}; expected signal_mv, rate_hz and, if not the twelve, leads."
        )
        raise RecordError(message) from None
    except (OSError, ValueError, TypeError, EOFError, *_DAMAGED_ZIP) as error:
        raise RecordError(f"{path}: not an NPZ file of an ECG: {error}") from None
