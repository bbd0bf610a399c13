"""Anonymized copies of ECG files: the same signal without names, ids and dates."""

from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..files import atomic_write
from .anonymized_wfdb import anonymize_wfdb, refuse_same
from .formats import FORMATS
from .read import Reading, read_details
from .wfdb_header import find_header

_WFDB_SUFFIXES = (".hea", ".dat", ".mat")


def anonymize(source: Path, out: Path) -> list[Path]:
    """Write a copy of an ECG file without identity, and return its path, or those of its files.

    Only what the signal needs, age, sex and filters are kept: everything else goes, also free
    text, findings and dates. The copy is read again and kept only if its signal is the same.
    For WFDB, `source` and `out` name the header, with or without its suffix.
    Raises RecordError for a format that cannot be written, and if `out` is the source itself.
    """
    reading = read_details(source)
    if reading.format == "WFDB":
        return _anonymize_wfdb(source, out, reading)
    writers = {known.name: known.anonymize for known in FORMATS if known.anonymize is not None}
    writer = writers.get(reading.format)
    if writer is None:
        raise RecordError(
            f"{source}: a {reading.format} cannot be anonymized; anonymized are WFDB, "
            f"{', '.join(writers)}. Read it, and save the signal alone."
        )
    refuse_same(source, out)
    data = writer(source.read_bytes(), reading.recording)
    with atomic_write(out) as temporary:
        temporary.write_bytes(data)
        _check_copy(temporary, reading)
    return [out]


def paths_to_write(out: Path) -> list[Path]:
    """Return the files that `anonymize` may replace: `out`, and those of a WFDB record there."""
    stem = _stem(out)
    return [out, *(stem.with_name(f"{stem.name}{suffix}") for suffix in _WFDB_SUFFIXES)]


def _stem(out: Path) -> Path:
    """Return the path of a WFDB record without the suffix of its header or samples."""
    return out.with_suffix("") if out.suffix.lower() in _WFDB_SUFFIXES else out


def _check_copy(path: Path, original: Reading) -> None:
    """Raise RecordError unless the copy has the signal, the rate and the leads of the original."""
    record, copy = original.record, read_details(path).record
    same = (copy.leads, copy.rate_hz) == (record.leads, record.rate_hz)
    if not same or not np.array_equal(copy.signal_mv, record.signal_mv):
        raise RecordError("the anonymized copy reads otherwise than the original; not written.")


def _anonymize_wfdb(source: Path, out: Path, reading: Reading) -> list[Path]:
    """Write the header and the samples of a record; remove them if they read otherwise."""
    header = find_header(source)
    if header is None:
        raise RecordError(f"{source}: has no header; expected one that ends in .hea.")
    written = anonymize_wfdb(header, _stem(out), reading.recording)
    try:
        _check_copy(written[0], reading)
    except RecordError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return written
