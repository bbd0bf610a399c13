"""Reading of an ECG file of any supported format."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError
from ..signals.record import Record
from .channels import Leads, Recording, to_record
from .ecg_file import EcgFile, Source, open_ecg_file
from .formats import FORMATS, Format
from .wfdb_header import find_header


def read(
    source: Source,
    *,
    rate_hz: float | None = None,
    units: str | None = None,
    leads: Leads | None = None,
) -> Record:
    """Read one ECG from a path, bytes or a binary file object; its content tells the format.

    source:  for WFDB, the path of the header, of the samples or of the record without a suffix.
    rate_hz: samples per second, where the file has neither a rate nor times.
    units:   "mV", "uV", …, where the file has none; without it, mV is assumed.
    leads:   names of the ECG channels in order, or a mapping {"I": "name in the file"}.
    Raises RecordError if the file is missing, damaged, of another format, or not an ECG in volts.
    """
    return read_details(source, rate_hz=rate_hz, units=units, leads=leads).record


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What was found in a file: its format, its channels, and the Record made of them."""

    format: str
    recording: Recording
    record: Record


def read_details(
    source: Source,
    *,
    rate_hz: float | None = None,
    units: str | None = None,
    leads: Leads | None = None,
) -> Reading:
    """Like `read`, with the format and the channels of the file."""
    file = _open(source)
    try:
        chosen = _detect(file)
        recording = _run_reader(chosen, file)
        record = to_record(recording, rate_hz=rate_hz, units=units, leads=leads)
    except RecordError as error:
        message = str(error).removeprefix(f"{file.name}: ")
        raise RecordError(f"{file.label}: {message}") from error.__cause__
    return Reading(format=chosen.name, recording=recording, record=record)


def _open(source: Source) -> EcgFile:
    """Open a file, or the header of the WFDB record that is named without a suffix."""
    if not isinstance(source, str | os.PathLike):
        return open_ecg_file(source)
    path = Path(source)
    try:
        if path.is_file():
            return open_ecg_file(path)
        if header := find_header(path):
            return open_ecg_file(header)
        if path.is_dir():
            raise RecordError(f"{path}: a folder, not one ECG; expected an ECG file.")
        return open_ecg_file(path)
    except FileNotFoundError:
        missing = "no such file" if path.suffix else "no such ECG: neither a file nor a header"
        raise RecordError(f"{path}: {missing}.") from None
    except OSError as error:  # no permission, a name that is too long, a failing disk
        raise RecordError(f"{path}: cannot be read: {error.strerror or error}.") from None


def _detect(file: EcgFile) -> Format:
    """Return the format of a file by its content."""
    for candidate in FORMATS:
        if candidate.sniff(file.head, file.path):
            return candidate
    if not file.head:
        raise RecordError("the file is empty.")
    if file.path is not None and file.path.suffix.lower() == ".dat":
        raise RecordError(f"no header {file.path.stem}.hea lies beside these samples.")
    known = ", ".join(f.name for f in FORMATS if not isinstance(f.read, str))
    raise RecordError(f"unknown file format; recognized are {known}.")


def _run_reader(chosen: Format, file: EcgFile) -> Recording:
    """Run a reader; every error of a library becomes a RecordError.

    The text of such an error is not shown: it may quote the file, and so name a person.
    """
    if isinstance(chosen.read, str):
        raise RecordError(chosen.read)
    try:
        return chosen.read(file)
    except RecordError:
        raise
    except ModuleNotFoundError as error:
        missing = "pip install 'ecgcam[formats]'"
        if error.name == "pyarrow":
            missing = "pip install pyarrow"
        raise RecordError(f"{chosen.name} needs {error.name}: {missing}.") from error
    except OSError as error:
        raise RecordError(f"cannot be read: {error.strerror or 'damaged'}.") from error
    except Exception as error:  # readers of damaged files raise anything, even MemoryError
        raise RecordError(
            f"not a readable {chosen.name} file: it is damaged, or of a kind that is not "
            f"supported ({type(error).__name__})."
        ) from error
