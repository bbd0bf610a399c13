"""ECG files of a folder, found by their content, in a fixed order.

One WFDB record is one ECG, however many files it has; so is a record of several segments. Hidden
files and folders are left out. Links to folders are not followed, so that a search stays inside
its folder and ends; links to files are read.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError
from ..signals.leads import LEADS, lead_name
from .delimited_text import parse_table
from .ecg_file import HEAD_BYTES, decode_text
from .formats import FORMATS, TABLE
from .table_channels import split_unit
from .wfdb16 import record_stem

_HEADER = ".hea"
_SUFFIXES = {suffix for known in FORMATS for suffix in known.suffixes}
_LONGEST_CELL = 40
_MIN_ROWS, _MIN_COLUMNS = 100, 8  # of a table of numbers alone


@dataclass(frozen=True, kw_only=True)
class FolderContent:
    """The files of a folder.

    ecgs:   path of each ECG; of a WFDB record, the path without a suffix.
    others: files that are not ECGs, as paths relative to the folder.
    """

    ecgs: tuple[Path, ...]
    others: tuple[str, ...]


def find_ecg_files(folder: Path) -> FolderContent:
    """Find the ECGs of a folder and of the folders in it.

    A damaged file counts as an ECG if its format is recognized, or known by its suffix.
    """
    files = list(_visible_files(folder))
    headers = {record_stem(path) for path in files if path.lower().endswith(_HEADER)}
    parts = {part for path in headers for part in _files_of_record(path)}
    ecgs, others = [], []
    for path in files:
        if path.lower().endswith(_HEADER):
            if record_stem(path) not in parts:
                ecgs.append(record_stem(path))
        elif path in parts or record_stem(path) in headers:
            continue
        elif _is_ecg(path):
            ecgs.append(path)
        else:
            others.append(path)
    return FolderContent(
        ecgs=tuple(sorted((Path(path) for path in ecgs), key=lambda path: path.parts)),
        others=tuple(sorted(Path(path).relative_to(folder).as_posix() for path in others)),
    )


def _visible_files(folder: Path) -> Iterator[str]:
    """Yield the path of each file below a folder that is not hidden."""
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(parent, name)
            if not name.startswith(".") and _is_file_or_broken_link(path):
                yield path


def _is_file_or_broken_link(path: str) -> bool:
    """Return whether a path can be read at once: a pipe or a device would block."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True  # reading it says why it cannot be read


def _files_of_record(stem: str) -> Iterator[str]:
    """Yield the sample files of a WFDB record, or the segments of one that consists of segments.

    stem: the path of the record without a suffix.
    """
    path = next((p for p in (f"{stem}.hea", f"{stem}.HEA") if os.path.exists(p)), "")
    lines = [line.split() for line in _read_head(path).decode(errors="replace").splitlines()]
    lines = [words for words in lines if words and not words[0].startswith("#")]
    folder = os.path.dirname(stem)
    for words in lines[1:]:
        yield os.path.join(folder, os.path.basename(words[0]))


def _is_ecg(path: str) -> bool:
    """Return whether a file's content is recognized as an ECG, or else its suffix is an ECG's."""
    head = _read_head(path)
    for candidate in FORMATS if head else ():
        if candidate.sniff(head, Path(path)):
            if candidate.name == TABLE:
                return _is_table_of_leads(head)
            return not isinstance(candidate.read, str)
    return os.path.splitext(path)[1].lower() in _SUFFIXES


def _read_head(path: str) -> bytes:
    """Return the start of a file; nothing if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def _is_table_of_leads(head: bytes) -> bool:
    """Return whether text is a table of samples: with lead names, or of numbers alone.

    Tables of labels and lists of files are text, too.
    """
    text = decode_text(head)
    rows = text.splitlines()
    if len(head) == HEAD_BYTES:
        rows = rows[:-1] or [text[:-_LONGEST_CELL]]  # the last one is cut; or it is a lead
    try:
        table = parse_table("\n".join(rows))
    except RecordError:
        return False
    numbers = [column for column in table.columns if column.values is not None]
    if any(lead_name(split_unit(column.name)[0]) in LEADS for column in numbers):
        return True
    samples = [column.values.size for column in numbers if column.values is not None]
    unnamed = not any(column.name for column in table.columns)
    return unnamed and len(samples) >= _MIN_COLUMNS and samples[0] >= _MIN_ROWS
