"""File formats: how each is recognized by its content, and its reader.

A new format is one entry of FORMATS. Its reader takes an EcgFile and returns a Recording; what it
raises becomes a RecordError that names the file and the format.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .channels import Recording
from .ecg_file import EcgFile
from .tables import is_npz, is_table, read_csv, read_npz
from .wfdb import is_wfdb, read_wfdb_file

Sniff = Callable[[bytes, Path | None], bool]
Reader = Callable[[EcgFile], Recording]


@dataclass(frozen=True)
class Format:
    """One file format.

    name:  as people call it.
    sniff: returns whether a file is of the format, from its first 64 KiB and its path, or None.
    read:  the reader; or, for a format that is not supported, the message that says so.
    """

    name: str
    sniff: Sniff
    read: Reader | str


def _magic(*starts: bytes, offset: int = 0) -> Sniff:
    """Return a sniffer for files with one of these bytes at a fixed place."""

    def sniff(head: bytes, path: Path | None) -> bool:
        return head[offset:].startswith(starts)

    return sniff


# The first that matches is taken: formats with a signature come before text without one.
FORMATS: list[Format] = [
    Format("WFDB", is_wfdb, read_wfdb_file),
    Format("NPZ", is_npz, read_npz),
    Format("PDF", _magic(b"%PDF"), "a PDF is a picture of an ECG; expected its samples."),
    Format(
        "picture",
        _magic(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"),
        "a picture of an ECG; expected its samples, so digitize it first.",
    ),
    Format(
        "Excel workbook",
        _magic(b"PK\x03\x04", b"\xd0\xcf\x11\xe0"),
        "a ZIP archive or Office document; save the table as CSV, or unpack it first.",
    ),
    Format("gzip", _magic(b"\x1f\x8b"), "compressed by gzip; decompress it first."),
    Format("table", is_table, read_csv),
]
