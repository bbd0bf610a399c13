"""Anonymized WFDB records: the samples under new names, and a header without comments."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from ..errors import RecordError
from ..files import atomic_write
from .channels import Recording
from .ecg_file import decode_text
from .wfdb_header import find_samples, parse_header


def anonymize_wfdb(header_path: Path, stem: Path, recording: Recording) -> list[Path]:
    """Copy a record to `stem`, without dates, comments and its name; return the files written.

    Age and sex are written as comments. Signals whose file is absent are left out.
    """
    text = decode_text(header_path.read_bytes())
    header = parse_header(text)
    if header.segments:
        raise RecordError(f"{header_path}: consists of segments; anonymize each of them.")
    names = dict.fromkeys(signal.file for signal in header.signals)
    found = {name: find_samples(header_path, name) for name in names}
    files = [name for name, path in found.items() if path is not None]
    sources = [path for path in found.values() if path is not None]
    numbers = [""] if len(files) == 1 else [f"_{k}" for k in range(1, len(files) + 1)]
    copies = [
        stem.with_name(f"{stem.name}{number}{path.suffix}")
        for number, path in zip(numbers, sources, strict=True)
    ]
    target = stem.with_name(f"{stem.name}.hea")
    for path in (header_path, *sources):
        for copy in (target, *copies):
            refuse_same(path, copy)
    renamed = {name: copy.name for name, copy in zip(files, copies, strict=True)}
    with ExitStack() as stack:  # the header comes last, so it never names absent samples
        temporaries = [stack.enter_context(atomic_write(path)) for path in (target, *copies)]
        for path, temporary in zip(sources, temporaries[1:], strict=True):
            shutil.copyfile(path, temporary)
        lines = _header_lines(text, stem.name, renamed, recording)
        temporaries[0].write_text("\n".join([*lines, ""]), encoding="utf-8")
    return [target, *copies]


def refuse_same(source: Path, out: Path) -> None:
    """Raise RecordError if two paths are one file."""
    if out.exists() and out.samefile(source):
        raise RecordError(f"{out}: this is the ECG itself; expected another path for the copy.")


def _header_lines(
    text: str, name: str, files: Mapping[str, str], recording: Recording
) -> list[str]:
    """Return the lines of the header with new names, without date and comments."""
    rows = [row.partition("#")[0].strip() for row in text.splitlines()]
    first, *signals = [row.split(maxsplit=1) for row in rows if row]
    kept = [f"{files[row[0]]} {row[1]}" for row in signals if row[0] in files]
    lines = [" ".join([name, str(len(kept)), *first[1].split()[1:3]]), *kept]
    if recording.age_years is not None:
        lines.append(f"#Age: {recording.age_years:g}")
    if recording.sex is not None:
        lines.append(f"#Sex: {recording.sex.capitalize()}")
    return lines
