"""Anonymized copies of ECG files: the same signal without names, ids and dates."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..files import atomic_write
from .anonymized_binary import anonymize_edf, anonymize_ishne, anonymize_scp_ecg
from .anonymized_dicom import anonymize_dicom
from .anonymized_xml import anonymize_xml
from .channels import Recording
from .ecg_file import decode_text
from .read import Reading, read_details
from .wfdb_header import find_header, parse_header

# Each takes a file's bytes and what was read of it, and returns the bytes of the copy.
_WRITERS: Mapping[str, Callable[[bytes, Recording], bytes]] = {
    "DICOM": anonymize_dicom,
    "EDF": anonymize_edf,
    "BDF": anonymize_edf,
    "ISHNE": anonymize_ishne,
    "SCP-ECG": anonymize_scp_ecg,
    **dict.fromkeys(
        ("HL7 aECG", "Philips Sierra", "GE MUSE", "GE CardioSoft", "Schiller", "Mortara"),
        anonymize_xml,
    ),
}
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
    writer = _WRITERS.get(reading.format)
    if writer is None:
        raise RecordError(
            f"{source}: a {reading.format} cannot be anonymized; anonymized are WFDB, "
            f"{', '.join(_WRITERS)}. Read it, and save the signal alone."
        )
    _refuse_same(source, out)
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


def _refuse_same(source: Path, out: Path) -> None:
    """Raise RecordError if two paths are one file."""
    if out.exists() and out.samefile(source):
        raise RecordError(f"{out}: this is the ECG itself; expected another path for the copy.")


def _check_copy(path: Path, original: Reading) -> None:
    """Raise RecordError unless the copy has the signal, the rate and the leads of the original."""
    record, copy = original.record, read_details(path).record
    same = (copy.leads, copy.rate_hz) == (record.leads, record.rate_hz)
    if not same or not np.array_equal(copy.signal_mv, record.signal_mv):
        raise RecordError("the anonymized copy reads otherwise than the original; not written.")


def _anonymize_wfdb(source: Path, out: Path, reading: Reading) -> list[Path]:
    """Copy the samples, and write a header without comments, dates and the record's name."""
    header_path = find_header(source)
    if header_path is None:
        raise RecordError(f"{source}: has no header; expected one that ends in .hea.")
    text = decode_text(header_path.read_bytes())
    header = parse_header(text)
    if header.segments:
        raise RecordError(f"{source}: consists of segments; anonymize each of them.")
    stem = _stem(out)
    files = list(dict.fromkeys(signal.file for signal in header.signals))
    sources = [_sample_file(header_path, name) for name in files]
    numbers = [""] if len(files) == 1 else [f"_{k}" for k in range(1, len(files) + 1)]
    copies = [
        stem.with_name(f"{stem.name}{number}{path.suffix}")
        for number, path in zip(numbers, sources, strict=True)
    ]
    target = stem.with_name(f"{stem.name}.hea")
    for path in (header_path, *sources):
        for copy in (target, *copies):
            _refuse_same(path, copy)
    names = {name: copy.name for name, copy in zip(files, copies, strict=True)}
    with ExitStack() as stack:  # the header comes last, so it never names absent samples
        temporaries = [stack.enter_context(atomic_write(path)) for path in (target, *copies)]
        for path, temporary in zip(sources, temporaries[1:], strict=True):
            shutil.copyfile(path, temporary)
        lines = _header_lines(text, stem.name, names, reading.recording)
        temporaries[0].write_text("\n".join([*lines, ""]), encoding="utf-8")
    _check_copy(target, reading)
    return [target, *copies]


def _sample_file(header: Path, name: str) -> Path:
    """Return the file of samples beside a header, or in the folder that the header names."""
    for path in (header.parent / name, header.parent / Path(name.replace("\\", "/")).name):
        if path.is_file():
            return path
    raise RecordError(f"{header}: its samples, {name}, are missing.")


def _header_lines(
    text: str, name: str, files: Mapping[str, str], recording: Recording
) -> list[str]:
    """Return the lines of the header with new names, without date and comments."""
    rows = [row.partition("#")[0].strip() for row in text.splitlines()]
    first, *signals = [row for row in rows if row]
    lines = [" ".join([name, *first.split()[1:4]])]
    for row in signals:
        file, rest = row.split(maxsplit=1)
        lines.append(f"{files[file]} {rest}")
    if recording.age_years is not None:
        lines.append(f"#Age: {recording.age_years:g}")
    if recording.sex is not None:
        lines.append(f"#Sex: {recording.sex.capitalize()}")
    return lines
