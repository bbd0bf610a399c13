"""ECG file: a path, bytes or an open binary file, as the readers see it."""

import codecs
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from ..errors import RecordError

HEAD_BYTES = 65_536  # enough of a file to tell its format

_EXPANSION, _ALWAYS_ALLOWED = 40, 20_000_000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True, kw_only=True, eq=False)
class EcgFile:
    """One file that may hold an ECG.

    name: for the Record: the file's name without its suffix, or "ecg".
    path: None for bytes and for file objects.
    head: the first 64 KiB.
    """

    name: str
    path: Path | None
    head: bytes = field(repr=False)
    content: bytes | None = field(default=None, repr=False)  # None: still in the file at `path`

    @property
    def label(self) -> str:
        """What to call the file in messages."""
        return str(self.path or self.name)

    @property
    def size(self) -> int:
        """Number of bytes."""
        if self.content is not None:
            return len(self.content)
        assert self.path is not None
        return self.path.stat().st_size

    @cached_property
    def data(self) -> bytes:
        """All bytes of the file."""
        if self.content is not None:
            return self.content
        assert self.path is not None
        return self.path.read_bytes()


def open_ecg_file(source: Source) -> EcgFile:
    """Return the file behind a path, bytes or a binary file object.

    Raises RecordError if there is no such file, or it cannot be read.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.exists() and not path.is_file() and not path.is_dir():
            raise RecordError(f"{path}: neither a file nor a folder.")  # a pipe would block
        with path.open("rb") as file:
            return EcgFile(name=path.stem, path=path, head=file.read(HEAD_BYTES))
    if isinstance(source, bytes | bytearray | memoryview):
        content, name = bytes(source), "ecg"
    else:
        content, name = _read_object(source), _object_name(source)
    return EcgFile(name=name, path=None, head=content[:HEAD_BYTES], content=content)


def _read_object(file: BinaryIO) -> bytes:
    """Read a file object from its position to its end."""
    content = file.read() if hasattr(file, "read") else None
    if not isinstance(content, bytes):
        raise TypeError(
            f"cannot read an ECG from {type(file).__name__}; expected a path, bytes or a file "
            "object opened in binary mode."
        )
    return content


def _object_name(file: BinaryIO) -> str:
    """Return the stem of an open file's name; "ecg" if it has none."""
    name = getattr(file, "name", None)
    return Path(name).stem if isinstance(name, str) and name else "ecg"


def check_expansion(size: int, stored: int) -> int:
    """Return how many bytes a compressed file may grow to; RecordError if `size` is more.

    stored: the size of the file. Real signals shrink to a tenth at best, an attack to a thousandth.
    """
    limit = max(_EXPANSION * stored, _ALWAYS_ALLOWED)
    if size > limit:
        raise RecordError(
            f"its {stored} bytes would grow to {size} or more; expected at most {limit}."
        )
    return limit


def decode_text(data: bytes) -> str:
    """Decode text by its byte-order mark, else as UTF-16 or UTF-8, else as Windows-1252."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = data[start:1000:2]
        if zeros and zeros.count(0) > 0.7 * len(zeros):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
