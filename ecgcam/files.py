"""Files that are there whole or not at all, their digests, and whether there is a place for one."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DatasetError


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to; it takes the place of `path` at the end.

    After an error `path` is what it was before, and the temporary file is gone. The temporary
    name ends like `path`, so that writers which go by the suffix do the same for both. The
    folder is made if it is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_output_folder(path: Path) -> None:
    """DatasetError if there can be no folder at `path`, because of a file there or above it.

    To be asked before long work whose outcome is to lie there.
    """
    path = path.absolute()
    there = next(one for one in (path, *path.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise DatasetError(f"{there}: it is a file; needed: a folder, or a place for one.")


def check_output_file(path: Path) -> None:
    """DatasetError if no file can be written at `path`: a folder is there, or none can be above."""
    if path.is_dir():
        raise DatasetError(f"{path}: it is a folder; needed: a file, or a place for one.")
    check_output_folder(path.parent)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
