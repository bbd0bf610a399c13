"""Rows of an unfinished table, kept in a hidden file beside it until the table is written.

The first line holds the settings, each further line a row. A run that is interrupted loses at most
the line it was writing, and the next one continues.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .rows import Row

Settings = Mapping[str, Any]


class UnfinishedTable:
    """The rows so far of a table at `path`.

    With `resume`, the rows of an interrupted run with the same settings are kept; otherwise they
    are removed if `overwrite` is set. DatasetError if neither is, or the settings differ.
    """

    def __init__(self, path: Path, settings: Settings, *, resume: bool, overwrite: bool) -> None:
        self.file = path.with_name(f".{path.name}.unfinished.jsonl")
        self._place: dict[str, int] = {}  # in the file, of each row by its id
        if self.file.exists() and not resume and not overwrite:
            raise DatasetError(
                f"{path}: an earlier run was interrupted; --resume continues it, --overwrite "
                "starts again."
            )
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if self.file.exists() and resume:
            self._index(path, settings)
        else:
            self.file.write_text(_line(settings), encoding="utf-8")

    def __contains__(self, ecg_id: str) -> bool:
        return ecg_id in self._place

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows at the end of the file."""
        with self.file.open("ab") as file:
            for row in rows:
                self._place[row["id"]] = file.tell()
                file.write(_line(row).encode())

    def rows(self, ids: Iterable[str]) -> Iterator[Row]:
        """Yield the rows of these ECGs in this order."""
        with self.file.open("rb") as file:
            for ecg_id in ids:
                file.seek(self._place[ecg_id])
                yield json.loads(file.readline())

    def remove(self) -> None:
        """Remove the file; call once the table is written."""
        self.file.unlink()

    def _index(self, path: Path, settings: Settings) -> None:
        """Find the rows of an interrupted run and cut off a line that it did not complete."""
        with self.file.open("r+b") as file:
            before = file.readline()
            if before.decode() != _line(settings):
                raise DatasetError(
                    f"{path}: the interrupted run had another model, version or options; repeat it "
                    "with the same, or start again with --overwrite."
                )
            place = file.tell()
            while (line := file.readline()).endswith(b"\n"):
                self._place[json.loads(line)["id"]] = place
                place = file.tell()
            file.truncate(place)


def _line(content: Mapping[str, Any]) -> str:
    return f"{json.dumps(content)}\n"
