"""The place of a store: it is made beside it and renamed, and nothing but a store is ever lost."""

import contextlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import DatasetError
from .store import ABOUT, RECORDS, REJECTED

_PART = re.compile(rf"signals-\d{{5,}}\.npy|{ABOUT}|{RECORDS}|{REJECTED}")  # of a store


def refuse_to_lose(folder: Path, *, overwrite: bool) -> None:
    """Only a store is ever overwritten, and only when asked to; an empty folder is no loss."""
    if not os.path.lexists(folder):
        return
    if folder.resolve() == Path.cwd():
        raise DatasetError(f"{folder}: you are in that folder; needed: another one.")
    inside = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    others = {name for name in inside if not _PART.fullmatch(name)}
    if folder.is_symlink() or others or (inside and not {ABOUT, RECORDS} <= inside):
        raise DatasetError(f"{folder}: there is something else already; it is left as it is.")
    if inside and not overwrite:
        raise DatasetError(f"{folder}: there is a store already; --overwrite makes it anew.")


@contextlib.contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A new folder beside it, which no other run takes for left behind; gone at the end."""
    folder = folder.absolute()
    while True:
        half = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.half")
        half.mkdir(parents=True)
        with _kept(half) as kept:
            if kept is False:  # another run took it for left behind, before it was kept
                continue
            try:
                yield half
            finally:
                shutil.rmtree(half, ignore_errors=True)
            return


def put_in_place(half: Path, folder: Path) -> None:
    """By renaming alone, so that neither the old store nor the new is ever there in part.

    After an error the old one is there again; after a kill in between, tidy_up brings it back.
    """
    old = half.with_suffix(".old.half")
    if not folder.exists():
        half.rename(folder)
        return
    folder.rename(old)
    try:
        half.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def tidy_up(folder: Path) -> None:
    """Remove what killed runs left beside it; an old store that one had put aside comes back.

    Where it cannot be known whether a run is at work there, nothing is removed.
    """
    folder = folder.absolute()
    ours = re.compile(rf"\.{re.escape(folder.name)}\.[0-9a-f]{{8}}(\.old)?\.half")
    for left in sorted(folder.parent.glob(".*.half")):  # a run's new store before its old one
        found = ours.fullmatch(left.name)
        if not found or left.is_symlink() or not left.is_dir():
            continue
        new = left.with_name(left.name.replace(".old.half", ".half"))
        with _kept(new if new.exists() else left) as kept:  # until it is removed
            if kept is False:
                continue
            if found[1] and not os.path.lexists(folder):
                left.rename(folder)
            elif kept:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _kept(folder: Path) -> Iterator[bool | None]:
    """Lock a folder, for as long as this process lives at most.

    False if another has, or the folder is gone; None where there are no locks to tell by.
    """
    if sys.platform == "win32":
        yield None
        return
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        kept: bool | None = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            kept = False
        except OSError:  # of a file system without locks
            kept = None
        yield kept if folder.exists() else False
    finally:
        os.close(handle)
