"""Reading of an ECG file of any supported format."""

from collections.abc import Callable
from pathlib import Path

from ..errors import RecordError
from ..signals.record import Record
from .tables import read_csv, read_npz
from .wfdb import read_wfdb
from .wfdb16 import record_stem

_READERS: dict[str, Callable[[Path], Record]] = {".csv": read_csv, ".npz": read_npz}


def read(path: str | Path) -> Record:
    """Read one ECG: a WFDB record (with or without its suffix), a .csv or an .npz file.

    Raises RecordError if the file is missing, damaged, of another format, or not an ECG in volts.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    try:
        if reader is None:
            return read_wfdb(_find_wfdb(path))
        if not path.is_file():
            raise RecordError(f"{path}: no such file.")
        return reader(path)
    except OSError as error:  # no permission, a name that is too long, a failing disk
        raise RecordError(f"{path}: cannot be read: {error.strerror or error}.") from None


def _find_wfdb(path: Path) -> Path:
    """Return the path of a WFDB record without its suffix; RecordError if there is none."""
    stem = Path(record_stem(str(path)))
    if Path(f"{stem}.hea").is_file():
        return stem
    if path.is_dir():
        problem = "a folder, not one ECG"
    elif path.is_file() and stem == path:
        problem = "unknown file format"
    else:
        problem = "no such ECG"
    raise RecordError(
        f"{path}: {problem}; expected a WFDB record (.hea and .dat) or a file that ends in "
        f"{', '.join(sorted(_READERS))}."
    )
