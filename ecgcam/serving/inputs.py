"""Inputs of a prediction: the ECGs of folders, files, manifests and stores, each with an id.

The id is the path below the folder that all inputs share (of a WFDB record, without its suffix), so
that it leads back to the file and says nothing about the folders above. A manifest may give other
ids; a store has its own. Ids contain whatever the names of files and folders contain.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.csv_cells import PATH_NAMES, lists_ecgs, plain_name, read_cells, resolve_path
from ..errors import DatasetError
from ..readers.folders import find_ecg_files
from ..readers.wfdb16 import record_stem

STORE_FILE = "store.json"
_MOST_NAMED = 5  # of files that are not ECGs


@dataclass(frozen=True, kw_only=True)
class Input:
    """One ECG to predict.

    id:     unique among all inputs.
    path:   its file, or the folder of its store.
    row:    its index in the store; None for a file.
    folder: what to remove from messages about the file.
    """

    id: str
    path: str
    row: int | None = None
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """ECGs to predict, in a fixed order, and the files of the folders that are not ECGs."""

    ecgs: tuple[Input, ...]
    others: tuple[str, ...]

    @property
    def note_on_others(self) -> str:
        """A sentence on the files that are not ECGs; "" if there are none."""
        if not self.others:
            return ""
        named = ", ".join(self.others[:_MOST_NAMED])
        more = ", …" if len(self.others) > _MOST_NAMED else ""
        return f"{len(self.others)} files are not ECGs and were left out ({named}{more})"


def find_inputs(sources: Sequence[Path]) -> Inputs:
    """Find the ECGs of folders, files, manifests (CSV tables with a column `path`) and stores.

    Raises DatasetError if a source does not exist, if there is no ECG, or for an invalid manifest.
    """
    ecgs: list[Input] = []
    others: list[str] = []
    common = _common_folder(sources)
    for source in sources:
        if (source / STORE_FILE).is_file():
            ecgs += _of_store(source)
        elif source.is_dir():
            content = find_ecg_files(source)
            ecgs += (_of_file(path, common) for path in content.ecgs)
            others += content.others
        elif lists_ecgs(source):
            ecgs += _of_manifest(source)
        else:
            ecgs.append(_of_file(_record_path(source), common))
    unique = _distinct(ecgs)
    if not unique:
        names = ", ".join(map(str, sources))
        raise DatasetError(f"{names}: no ECG found; expected files that `ecgcam read` can read.")
    return Inputs(ecgs=unique, others=tuple(others))


def _common_folder(sources: Sequence[Path]) -> Path:
    """Return the folder that all sources share, where ids begin."""
    folders = [path if path.is_dir() else path.parent for path in map(Path.absolute, sources)]
    return Path(os.path.commonpath(folders))


def _record_path(path: Path) -> Path:
    """Return the path of a WFDB record without its suffix, and any other path as it is."""
    stem = Path(record_stem(str(path)))
    return stem if stem.with_name(f"{stem.name}.hea").is_file() else path


def _of_file(path: Path, folder: Path) -> Input:
    absolute = path.absolute()
    return Input(
        id=_printable(absolute.relative_to(folder).as_posix()),
        path=str(absolute),
        folder=str(folder),
    )


def _printable(name: str) -> str:
    """Return a name that any file can hold: without control characters and undecodable bytes."""
    name = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", name)


def _of_store(folder: Path) -> Iterator[Input]:
    from ..data.store import open_store

    ids = open_store(folder).records["id"].astype(str)
    for row, record_id in enumerate(ids):
        yield Input(id=record_id, path=str(folder.absolute()), row=row)


def _of_manifest(table: Path) -> Iterator[Input]:
    """Yield the ECGs of a CSV table, by its column `id`, else by their paths as written."""
    cells = read_cells(table)
    names = [plain_name(name) for name in cells.header]
    paths = next(k for k, name in enumerate(names) if name in PATH_NAMES)
    ids = names.index("id") if "id" in names else paths
    folder = table.absolute().parent
    for line, row in zip(cells.lines, cells.rows, strict=True):
        if not row[paths] or not row[ids]:
            column = cells.header[ids if row[paths] else paths]
            raise DatasetError(f"{table}: row {line}: its {column!r} is blank.")
        path = resolve_path(folder, row[paths])
        yield Input(id=_printable(row[ids]), path=path, folder=str(folder))


def _distinct(ecgs: Iterable[Input]) -> tuple[Input, ...]:
    """Return the ECGs without those that are named twice; DatasetError if two share an id."""
    by_place: dict[tuple[str, int | None], Input] = {}
    for ecg in ecgs:
        by_place.setdefault((ecg.path, ecg.row), ecg)
    ids: set[str] = set()
    for ecg in by_place.values():
        if ecg.id in ids:
            raise DatasetError(
                f"two ECGs have the id {ecg.id}; expected different ones. Predict their sources "
                "one by one."
            )
        ids.add(ecg.id)
    return tuple(by_place.values())
