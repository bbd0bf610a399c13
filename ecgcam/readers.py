"""Files to Record: WFDB, CSV with a lead a column, NPZ. Gain and unit are the file's own."""

import csv
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import RecordError
from .leads import LEADS, lead_name, millivolts_per
from .record import Record
from .wfdb16 import INVALID, Digital, read_plain

_COMMENT_AGE = re.compile(r"(?<![a-z])<?age>?\s*:\s*(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
_COMMENT_SEX = re.compile(
    r"(?<![a-z])<?(?:sex|gender)>?\s*:\s*(F|M)(?:emale|ale)?\b", re.IGNORECASE
)
_SLOWEST_HZ = 25  # a table of fewer samples a second has its time in ms, or is no ECG
_TIME_COLUMNS = {"time", "t", "time_s", "time (s)", "seconds"}


def read(path: str | Path) -> Record:
    """One ECG from a file: a WFDB record (with or without its suffix), a .csv or an .npz.

    Raises RecordError if the file is missing, damaged, of another kind, or not an ECG in volts.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is not None:
        if not path.is_file():
            raise RecordError(f"{path}: no such file.")
        return reader(path)
    stem = path.with_suffix("") if path.suffix.lower() in {".hea", ".dat"} else path
    if not Path(f"{stem}.hea").is_file():
        raise RecordError(
            f"{path}: no such ECG; needed: a WFDB record (its .hea and .dat), or a file that "
            f"ends in {', '.join(sorted(_READERS))}."
        )
    return read_wfdb(stem)


def read_wfdb(path: Path) -> Record:
    """A WFDB record, `path` without its suffix; age and sex from the header's comments."""
    plain = read_plain(path)
    if plain is None:
        return _read_by_library(path)
    return _record(path, to_millivolts(plain), plain.rate_hz, plain.leads, plain.comments)


def to_millivolts(digital: Digital) -> NDArray[np.float32]:
    """(leads, time) in mV; NaN where the device marked a sample invalid."""
    scale = np.array([millivolts_per(unit) for unit in digital.units])
    samples = digital.samples.T.astype(np.float64)  # (leads, time)
    gains, baselines = np.array(digital.gains), np.array(digital.baselines)
    signal_mv = (samples - baselines[:, None]) / gains[:, None] * scale[:, None]
    signal_mv[digital.samples.T == INVALID] = np.nan
    return np.asarray(signal_mv, np.float32)


def _read_by_library(path: Path) -> Record:
    """Whatever else WFDB can be: other formats, several files, leads in files of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas warn of
        import wfdb

    try:
        found = wfdb.rdrecord(str(path), physical=False)
        sound = all(
            promised is None or frame > 1 or (promised - summed) % 65536 == 0  # >1: was averaged
            for promised, frame, summed in zip(
                found.checksum, found.samps_per_frame, found.calc_checksum(), strict=True
            )
        )
        scale = [millivolts_per(unit) for unit in found.units]
        signal_mv = np.asarray(found.dac().T * np.array(scale)[:, None], np.float32)
        leads = tuple(name or f"#{k}" for k, name in enumerate(found.sig_name, start=1))
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    except Exception as error:  # wfdb raises whatever its parsing meets, IndexError included
        raise RecordError(f"{path}: not a WFDB record that can be read: {error}") from None
    if not sound:
        raise RecordError(f"{path}: a lead fails its checksum; the file is damaged.")
    return _record(path, signal_mv, found.fs, leads, found.comments or ())


def _record(
    path: Path,
    signal_mv: NDArray[np.float32],
    rate_hz: float,
    leads: Sequence[str],
    comments: Iterable[str],
) -> Record:
    """With age and sex where the header's comments tell them, and nothing else of the person."""
    comment = "\n".join(comments)
    age, sex = _COMMENT_AGE.search(comment), _COMMENT_SEX.search(comment)
    return Record(
        signal_mv=signal_mv,
        rate_hz=float(rate_hz),
        leads=tuple(leads),
        name=path.name,
        age_years=float(age[1]) if age else None,
        sex={"F": "female", "M": "male"}[sex[1].upper()] if sex else None,
    )


def read_csv(path: Path) -> Record:
    """A table with a column a lead, in mV, and a column `time` in seconds that gives the rate.

    A unit in the column's name is obeyed: "V1 (uV)" or "V1 [µV]".
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [cell.strip() for cell in next(rows)]
            table = np.array([[float(cell or "nan") for cell in row] for row in rows if row])
    except (OSError, ValueError, StopIteration, csv.Error) as error:
        raise RecordError(f"{path}: not a table of numbers: {error}") from None
    if table.ndim != 2 or table.shape[1] != len(header) or len(table) < 2:
        raise RecordError(f"{path}: needed: a header and rows of {len(header)} numbers each.")
    times = [k for k, cell in enumerate(header) if cell.lower() in _TIME_COLUMNS]
    if len(times) != 1:
        raise RecordError(f"{path}: needed: one column 'time' in seconds; found {header}.")
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
