"""Files to Record: WFDB, CSV with a lead a column, NPZ. Gain and unit are the file's own."""

import csv
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS, lead_name, millivolts_per
from ..signals.record import Record
from .wfdb import read_wfdb

_SLOWEST_HZ = 25  # a table of fewer samples a second has its time in ms, or is no ECG
_TIME_COLUMNS = {"time", "t", "time_s", "time (s)", "seconds"}


def read(path: str | Path) -> Record:
    """One ECG from a file: a WFDB record (with or without its suffix), a .csv or an .npz.

    Raises RecordError if the file is missing, damaged, of another kind, or not an ECG in volts.
    """
    path = Path(path)
    try:
        return _read(path)
    except OSError as error:  # a folder that may not be entered, a name too long, a failing disk
        raise RecordError(f"{path}: cannot be read: {error.strerror or error}.") from None


def _read(path: Path) -> Record:
    reader = _READERS.get(path.suffix.lower())
    if reader is not None:
        if not path.is_file():
            raise RecordError(f"{path}: no such file.")
        return reader(path)
    stem = path.with_suffix("") if path.suffix.lower() in {".hea", ".dat"} else path
    if not Path(f"{stem}.hea").is_file():
        raise RecordError(
            f"{path}: {_why_no_ecg(path)}; needed: a WFDB record (its .hea and .dat), or a file "
            f"that ends in {', '.join(sorted(_READERS))}."
        )
    return read_wfdb(stem)


def _why_no_ecg(path: Path) -> str:
    if path.is_dir():
        return "it is a folder, not one ECG"
    if path.is_file() and path.suffix.lower() not in {".hea", ".dat"}:
        return "a kind of file that is not read"
    return "no such ECG"


def read_csv(path: Path) -> Record:
    """A table with a column a lead, in mV, and a column `time` in seconds that gives the rate.

    A unit in the column's name is obeyed: "V1 (uV)" or "V1 [µV]".
    """
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
        raise RecordError(f"{path}: its columns are parted by semicolons; needed: commas.")
    if len(rows) < 2:
        raise RecordError(f"{path}: needed: a header and rows of {len(header)} numbers each.")
    table = np.array([_numbers(path, row, cells, len(header)) for row, cells in rows])
    times = [k for k, cell in enumerate(header) if cell.lower() in _TIME_COLUMNS]
    if len(times) != 1:
        raise RecordError(
            f"{path}: needed: one column 'time' in seconds; found {len(times) or 'none'}."
        )
    columns = [k for k in range(len(header)) if k != times[0]]
    named = [_lead_and_unit(header[k]) for k in columns]
    scale = [millivolts_per(unit) for _, unit in named]
    with np.errstate(over="ignore"):  # too large becomes infinite, which Record refuses
        signal_mv = (table[:, columns] * scale).T.astype(np.float32)
    return Record(
        signal_mv=signal_mv,
        rate_hz=_steady_rate(path, table[:, times[0]]),
        leads=tuple(lead for lead, _ in named),
        name=path.stem,
    )


def _numbers(path: Path, row: int, cells: list[str], count: int) -> list[float]:
    """Of a row of the file; NaN where a cell is empty.

    The error says where the first cell is that is no number, not what it says: it may be a
    person's name.
    """
    if len(cells) != count:
        raise RecordError(
            f"{path}: not a table of numbers: row {row} has {len(cells)} cells; needed: a header "
            f"and rows of {count} numbers each."
        )
    numbers: list[float] = []
    for column, cell in enumerate(cells, start=1):
        try:
            numbers.append(float(cell or "nan"))
        except ValueError:
            where = f"row {row}, column {column}"
            raise RecordError(f"{path}: not a table of numbers: {where} is none.") from None
    return numbers


def _lead_and_unit(cell: str) -> tuple[str, str]:
    """("V1", "uV") from "V1 (uV)" or "V1 [uV]"; mV if no unit is written."""
    written = re.fullmatch(r"(.+?)\s*[(\[](.+)[)\]]", cell)
    return (written[1], written[2]) if written else (cell, "mV")


def _steady_rate(path: Path, time_s: NDArray[np.float64]) -> float:
    """The samples a second of a time column; RecordError if it does not run evenly."""
    step = float(time_s[-1] - time_s[0]) / (len(time_s) - 1)
    even = np.isfinite(time_s).all() and np.abs(np.diff(time_s) - step).max() <= 0.5 * step
    if not (even and step > 0):
        raise RecordError(f"{path}: the column 'time' does not rise in even steps of seconds.")
    if step > 1 / _SLOWEST_HZ:
        raise RecordError(f"{path}: its 'time' rises by {step:g} s a row; is it in seconds?")
    return round(1 / step, 3)


def read_npz(path: Path) -> Record:
    """`signal_mv` (leads, time), `rate_hz`, and `leads` (the twelve in our order if absent)."""
    try:
        with (
            path.open("rb") as file,  # np.load would leave a damaged one open
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
        raise RecordError(f"{path}: needed: signal_mv, rate_hz and leads; {error}.") from None
    except (OSError, ValueError, TypeError, EOFError, *_DAMAGED_ZIP) as error:
        raise RecordError(f"{path}: not an NPZ file of an ECG: {error}") from None


_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError)
_READERS: dict[str, Callable[[Path], Record]] = {".csv": read_csv, ".npz": read_npz}
