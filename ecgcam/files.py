"""Atomic writing of files and folders, checks of output paths, and digests."""

import glob
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import DatasetError

_PARTIAL = ".partial"  # how the name of an unfinished folder ends
_STALE_S = 86_400.0  # an unfinished folder this old was left by a run that was killed


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces `path` at the end.

    After an error `path` is unchanged and the temporary file is removed. The temporary name has
    the suffix of `path`, for writers that choose a format by it. A missing folder is created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8, whole or not at all; return its path."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path` that replaces `path` at the end.

    After an error `path` is unchanged and the temporary folder is removed. A killed process leaves
    it behind, under a hidden name that ends in ".partial"; the next call for the same path removes
    it once it is a day old.
    """
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{_PARTIAL}"):
        if not left.is_symlink() and time.time() - left.lstat().st_mtime > _STALE_S:
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(
        prefix=f".{path.name}.", suffix=_PARTIAL, dir=path.parent, ignore_cleanup_errors=True
    ) as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        yield new
        if path.exists():
            path.rename(old)
        try:
            new.rename(path)
        except BaseException:
            if old.exists():
                old.rename(path)
            raise


def check_output_folder(path: Path) -> None:
    """Raise DatasetError if a file is in the way of a folder at `path`.

    Call before long-running work.
    """
    path = path.absolute()
    existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    if not existing.is_dir():
        raise DatasetError(f"{existing}: this is a file; expected a folder.")


def check_output_file(path: Path) -> None:
    """Raise DatasetError if `path` is a folder, or its folder cannot be created."""
    if path.is_dir():
        raise DatasetError(f"{path}: this is a folder; expected a file.")
    check_output_folder(path.parent)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
